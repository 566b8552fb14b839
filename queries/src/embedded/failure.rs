//! An exception of the engine, and how ClickHouse's HTTP interface shows it.

use axum::http::StatusCode;

/// A ClickHouse exception: its number decides, its text explains.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// ClickHouse's error number.
    pub(crate) code: u32,
    /// `Code: 60. DB::Exception: … (UNKNOWN_TABLE)`, one or more lines.
    pub(crate) message: String,
}

impl Failure {
    /// Reads the number from the engine's own text.
    pub(crate) fn from_engine(message: &str) -> Self {
        Self {
            code: exception_code(message).unwrap_or(UNKNOWN_EXCEPTION),
            message: message.trim_end().to_owned(),
        }
    }

    /// An exception of the HTTP layer itself, in ClickHouse's form.
    pub(crate) fn new(code: u32, name: &str, what: &str) -> Self {
        Self {
            code,
            message: format!("Code: {code}. DB::Exception: {what} ({name})"),
        }
    }

    /// Returns the HTTP status that ClickHouse's server answers for this number.
    pub(crate) fn status(&self) -> StatusCode {
        match self.code {
            REQUIRED_PASSWORD => StatusCode::UNAUTHORIZED,
            192 | 193 | 497 | AUTHENTICATION_FAILED => StatusCode::FORBIDDEN,
            6 | 25 | 26 | 27 | 36 | 38 | 41 | 43 | 44 | 53 | 62 | 69 | 70 | 72 | 80 | 130 | 376
            | 427 | 441 | 456 | 457 => StatusCode::BAD_REQUEST,
            46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | 115 | 336 | SESSION_NOT_FOUND => {
                StatusCode::NOT_FOUND
            }
            TIMEOUT_EXCEEDED => StatusCode::REQUEST_TIMEOUT,
            SESSION_IS_LOCKED => StatusCode::LOCKED,
            TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
            NOT_IMPLEMENTED => StatusCode::NOT_IMPLEMENTED,
            209 | TOO_MANY_SIMULTANEOUS_QUERIES => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Returns N of `Code: N. …`.
pub(crate) fn exception_code(message: &str) -> Option<u32> {
    let rest = message.trim_start().strip_prefix("Code: ")?;
    rest.split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// NOT_IMPLEMENTED.
pub(crate) const NOT_IMPLEMENTED: u32 = 48;
/// TOO_LARGE_STRING_SIZE stands for a body over its limit.
pub(crate) const TOO_LARGE: u32 = 131;
/// TIMEOUT_EXCEEDED.
pub(crate) const TIMEOUT_EXCEEDED: u32 = 159;
/// REQUIRED_PASSWORD.
pub(crate) const REQUIRED_PASSWORD: u32 = 194;
/// TOO_MANY_SIMULTANEOUS_QUERIES.
pub(crate) const TOO_MANY_SIMULTANEOUS_QUERIES: u32 = 202;
/// SESSION_NOT_FOUND.
pub(crate) const SESSION_NOT_FOUND: u32 = 372;
/// SESSION_IS_LOCKED.
pub(crate) const SESSION_IS_LOCKED: u32 = 373;
/// AUTHENTICATION_FAILED.
pub(crate) const AUTHENTICATION_FAILED: u32 = 516;
/// UNKNOWN_EXCEPTION.
pub(crate) const UNKNOWN_EXCEPTION: u32 = 1002;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_decides_the_status() {
        for (message, code, status) in [
            (
                "Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE)",
                60,
                404,
            ),
            (
                "Code: 62. DB::Exception: Syntax error. (SYNTAX_ERROR)",
                62,
                400,
            ),
            (
                "Code: 395. DB::Exception: throwIf. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)",
                395,
                500,
            ),
            ("something else", UNKNOWN_EXCEPTION, 500),
        ] {
            let failure = Failure::from_engine(message);
            assert_eq!(
                (failure.code, failure.status().as_u16()),
                (code, status),
                "{message}"
            );
        }
    }
}
