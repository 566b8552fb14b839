//! An error with what is behind it, for logs and for people.

use std::error::Error;

/// What an error says and what its causes say, the outermost first. A cause whose text another quotes already is left
/// out: many errors repeat their source.
pub fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for error in std::iter::successors(Some(error), |&error| error.source()) {
        let text = error.to_string();
        if !told.iter().any(|before| before.contains(&text)) {
            told.push(text);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Level {
        text: &'static str,
        source: Option<Box<Level>>,
    }

    #[test]
    fn each_cause_is_told_once() {
        let level = |text, source| Level {
            text,
            source: Option::map(source, Box::new),
        };
        let root = level("connection refused", None);
        let quoting = level("cannot send: connection refused", Some(root));
        let error = level("cannot tell the sink", Some(quoting));
        assert_eq!(
            causes(&error),
            ["cannot tell the sink", "cannot send: connection refused"]
        );
    }
}
