//! Which failures are the same: the key that devices of one cluster share.

use patchlens_event::{EventId, Hresult};
use schemars::JsonSchema;
use serde::Serialize;

use crate::normalise::culprit_key;

/// The version of the key; it changes when the same failure gets another key.
const VERSION: &str = "v1";
/// How many hexadecimal digits of a template's hash stand in a key.
const TEMPLATE_DIGITS: usize = 8;

/// One part of a cluster key, and what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KeyPart {
    /// `version`, `cause`, `culprit`, `code`, `phase` or `template`.
    pub name: String,
    /// The part as it stands in the key.
    pub value: String,
    /// What it was made of; empty where it is the value itself.
    pub made_of: String,
}

fn part(name: &str, value: &str, made_of: &str) -> KeyPart {
    KeyPart {
        name: name.to_owned(),
        value: value.to_owned(),
        made_of: made_of.to_owned(),
    }
}

/// Returns the key of a diagnosis: cause and culprit; where no culprit is named, cause, root code
/// and phase, and for a failure that no rule knows the template of the line that stands out. Codes
/// do not count where a culprit is named, because one culprit fails in many ways.
pub fn cluster_key(cause: &str, culprit: &str, root_code: Option<u32>, phase: &str) -> String {
    joined(&key_parts(cause, culprit, root_code, phase, ""))
}

/// The parts of a key; see [`cluster_key`]. An empty template is left out.
pub(crate) fn key_parts(
    cause: &str,
    culprit: &str,
    root_code: Option<u32>,
    phase: &str,
    template: &str,
) -> Vec<KeyPart> {
    let mut parts = vec![part("version", VERSION, ""), part("cause", cause, "")];
    if !culprit.is_empty() {
        parts.push(part("culprit", &culprit_key(culprit), culprit));
        return parts;
    }
    let code = root_code.map_or_else(|| "no-code".to_owned(), |code| Hresult(code).to_string());
    parts.push(part("code", &code, ""));
    parts.push(part(
        "phase",
        if phase.is_empty() { "no-phase" } else { phase },
        "",
    ));
    if !template.is_empty() {
        let hash = EventId::from_parts(&[b"template.v1", template.as_bytes()]).to_string();
        let digits: String = hash.chars().take(TEMPLATE_DIGITS).collect();
        parts.push(part("template", &digits, template));
    }
    parts
}

/// The key that parts make.
pub(crate) fn joined(parts: &[KeyPart]) -> String {
    let values: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
    values.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_culprit_makes_the_key_and_the_code_only_where_there_is_none() {
        let by_file = |culprit| {
            cluster_key(
                "third-party-access-block",
                culprit,
                Some(0x8007_0005),
                "install",
            )
        };
        assert_eq!(
            by_file(r"E:\Mount\Windows\WinSxS\x\WpdMtp.dll"),
            "v1:third-party-access-block:wpdmtp.dll"
        );
        assert_eq!(by_file(r"C:\a\wpdmtp.DLL"), by_file("WPDMTP.dll"));
        assert_eq!(
            cluster_key("unknown", "", Some(0x8007_000d), "install"),
            "v1:unknown:0x8007000d:install"
        );
        assert_eq!(
            cluster_key("unknown", "", None, ""),
            "v1:unknown:no-code:no-phase"
        );
    }

    #[test]
    fn the_line_that_stands_out_tells_unknown_failures_apart() {
        let key = |template| joined(&key_parts("unknown", "", Some(1), "install", template));
        assert_eq!(key("Failed to do <*>"), key("Failed to do <*>"));
        assert_ne!(key("Failed to do <*>"), key("Failed to undo <*>"));
    }
}
