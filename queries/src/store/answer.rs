//! From the client's errors to ours: ClickHouse's number decides, never its text.

use clickhouse::error::Error as ClientError;

use super::Store;
use crate::Error;
use crate::embedded::exception_code;

impl Store {
    /// Sorts an error into "the store said no", "no answer" and "an answer that makes no sense".
    pub(crate) fn error(&self, doing: &str, error: ClientError) -> Error {
        let (url, doing) = (self.config.url.clone(), doing.to_owned());
        match error {
            ClientError::BadResponse(message) => match exception_code(&message) {
                Some(code) => Error::Exception {
                    url,
                    doing,
                    code,
                    message,
                },
                // A proxy's page, or a body that broke off: nothing is known of what happened.
                None => Error::Unreachable {
                    url,
                    doing,
                    source: Box::new(ClientError::BadResponse(message)),
                },
            },
            ClientError::Network(_) | ClientError::TimedOut | ClientError::Decompression(_) => {
                Error::Unreachable {
                    url,
                    doing,
                    source: Box::new(error),
                }
            }
            other => Error::Answer {
                url,
                doing,
                detail: other.to_string(),
            },
        }
    }
}
