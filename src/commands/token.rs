//! Tokens of the services: made, listed and taken away in the same way for collectors and readers.

use std::path::Path;

use anyhow::ensure;
use patchlens_gateway::{Scope, TokenFile};

use crate::output::{Outcome, columns, print, say};
use crate::services::now;

/// Makes a token and prints it, this once.
pub(crate) fn add(
    path: &Path,
    name: &str,
    scopes: Vec<Scope>,
    devices: &[String],
) -> anyhow::Result<Outcome> {
    let token = TokenFile::update(path, |file| file.add(name, scopes, devices, now()()))?;
    say(&format!(
        "the token of {name}; it is shown this once, {} holds only its hash",
        path.display()
    ));
    print(&token)?;
    Ok(Outcome::Done)
}

/// Lists who has a token; `holder` says what they are.
pub(crate) fn list(path: &Path, holder: &str) -> anyhow::Result<Outcome> {
    let file = TokenFile::read(path)?;
    let rows: Vec<Vec<String>> = file
        .tokens
        .iter()
        .map(|token| {
            let scopes: Vec<&str> = token.scopes.iter().map(|s| s.as_str()).collect();
            let devices = if token.devices.is_empty() {
                "all".to_owned()
            } else {
                token.devices.join(",")
            };
            vec![
                token.name.clone(),
                scopes.join(","),
                token.created_at.to_string(),
                devices,
            ]
        })
        .collect();
    print(&columns(&[holder, "scopes", "made", "devices"], &rows))?;
    Ok(Outcome::Done)
}

/// Takes a token away.
pub(crate) fn revoke(path: &Path, name: &str) -> anyhow::Result<Outcome> {
    ensure!(
        path.exists(),
        "{} does not exist: nobody has a token",
        path.display()
    );
    let (was_there, left) =
        TokenFile::update(path, |file| Ok((file.revoke(name), file.tokens.len())))?;
    ensure!(was_there, "{} holds no token of {name:?}", path.display());
    if left == 0 {
        say(&format!(
            "that was the last token: nobody is let in until there is another; to let in everybody on this machine again, delete {} and start the service anew",
            path.display()
        ));
    }
    Ok(Outcome::Done)
}
