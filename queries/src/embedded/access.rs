//! Who is asking: the program itself, or an analyst.
//!
//! The embedded endpoint knows two users. The writer is the program; its password is drawn anew at each start and
//! lies in the data directory, readable by the owner only. Everybody else is an analyst, who reads within limits.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write as _};
use std::path::Path;

use crate::embedded::config::Password;
use crate::embedded::failure::{AUTHENTICATION_FAILED, Failure, REQUIRED_PASSWORD};
use crate::embedded::request::Request;
use crate::store::Secret;
use crate::{Error, Result};

/// The user that may write.
pub const WRITER: &str = "patchlens";
/// The user that reads; who gives no name is this one.
pub const ANALYST: &str = "analyst";
/// Where the writer's password lies, in the engine's directory.
pub const WRITER_PASSWORD_FILE: &str = "writer.password";

/// What a request may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Everything.
    Writer,
    /// Read, within limits.
    Analyst,
}

/// The passwords of the two users.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) writer: Password,
    /// `None`: analysts need none, which only an endpoint on this machine allows.
    pub(crate) analyst: Option<Password>,
}

impl Access {
    /// Says who sent the request.
    pub(crate) fn role(&self, request: &Request) -> std::result::Result<Role, Failure> {
        let refused = |what: &str| {
            Failure::new(
                AUTHENTICATION_FAILED,
                "AUTHENTICATION_FAILED",
                &format!("Authentication failed: {what}"),
            )
        };
        let given = request
            .password
            .as_deref()
            .filter(|given| !given.is_empty());
        match (request.user.as_deref().unwrap_or_default(), given) {
            (WRITER, Some(given)) if self.writer.matches(given) => Ok(Role::Writer),
            (WRITER, _) => Err(refused(
                "password is incorrect: the writer's is in writer.password of the store's directory, anew at each start",
            )),
            ("" | "default" | ANALYST, given) => match (&self.analyst, given) {
                (None, None) => Ok(Role::Analyst),
                (Some(password), Some(given)) if password.matches(given) => Ok(Role::Analyst),
                (Some(_), None) => Err(Failure::new(
                    REQUIRED_PASSWORD,
                    "REQUIRED_PASSWORD",
                    "a password is required",
                )),
                (None, Some(_)) => Err(refused("analysts have no password here: leave it out")),
                (Some(_), Some(_)) => Err(refused("password is incorrect")),
            },
            _ => Err(refused(
                "there is no such user: leave the name out to read, or use the writer's",
            )),
        }
    }
}

/// Draws the writer's password and leaves it in `directory`, for who administers this machine.
///
/// # Errors
/// When the system gives no random bytes or the file cannot be written.
pub(crate) fn draw_writer_password(directory: &Path) -> Result<Secret> {
    let path = directory.join(WRITER_PASSWORD_FILE);
    let failed = |source| Error::DataDir {
        doing: "write the writer's password to",
        path: path.clone(),
        source,
    };
    let mut random = [0_u8; 32];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .map_err(failed)?;
    let mut secret = String::with_capacity(64);
    for byte in random {
        // Writing to a string cannot fail.
        let _written = write!(secret, "{byte:02x}");
    }
    // A file of the last start, or whatever lies there, is not written through.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&path)
        .and_then(|mut file| file.write_all(secret.as_bytes()))
        .map_err(failed)?;
    Ok(Secret::new(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(analyst: Option<&str>, user: Option<&str>, password: Option<&str>) -> Option<Role> {
        let access = Access {
            writer: Password::new("w"),
            analyst: analyst.map(Password::new),
        };
        let mut request = Request::new(
            Vec::new(),
            &axum::http::HeaderMap::new(),
            false,
            String::new(),
        )
        .unwrap();
        request.user = user.map(str::to_owned);
        request.password = password.map(str::to_owned);
        access.role(&request).ok()
    }

    #[test]
    fn only_the_writer_s_password_makes_a_writer() {
        assert_eq!(role(None, Some(WRITER), Some("w")), Some(Role::Writer));
        for (user, password) in [(WRITER, None), (WRITER, Some("")), (WRITER, Some("x"))] {
            assert_eq!(role(None, Some(user), password), None);
        }
        for user in [None, Some(""), Some("default"), Some(ANALYST)] {
            assert_eq!(role(None, user, None), Some(Role::Analyst), "{user:?}");
            assert_eq!(role(None, user, Some("")), Some(Role::Analyst), "{user:?}");
            assert_eq!(role(None, user, Some("w")), None, "{user:?}");
            assert_eq!(role(Some("a"), user, Some("a")), Some(Role::Analyst));
            assert_eq!(role(Some("a"), user, None), None);
            assert_eq!(role(Some("a"), user, Some("w")), None);
        }
        assert_eq!(role(None, Some("root"), None), None);
    }

    #[cfg(unix)]
    #[test]
    fn the_password_is_new_each_time_and_for_the_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(WRITER_PASSWORD_FILE);
        std::os::unix::fs::symlink(directory.path().join("elsewhere"), &path).unwrap();
        let first = draw_writer_password(directory.path()).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(!directory.path().join("elsewhere").exists());
        assert_eq!(fs::read_to_string(&path).unwrap(), first.expose());
        assert_ne!(draw_writer_password(directory.path()).unwrap(), first);
    }
}
