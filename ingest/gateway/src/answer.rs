//! What the gateway answers to a batch of events; its client reads it.

#[cfg(feature = "server")]
use patchlens_event::RejectReason;
use serde::{Deserialize, Serialize};

/// The answer to a batch of events: everything it counts is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EventsAnswer {
    /// Lines that were read, empty ones left out.
    pub lines: u64,
    /// Events taken.
    pub events: u64,
    /// Rejects that the collector had met and sent on.
    pub rejects: u64,
    /// Lines that are neither: kept as rejects of the gateway.
    pub rejected: u64,
    /// The first of them, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

#[cfg(feature = "server")]
impl EventsAnswer {
    /// Tells of a line that could not be used.
    pub(crate) fn problem(&mut self, line: u64, reason: RejectReason, detail: String) {
        self.rejected += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem {
                line,
                reason: reason.as_str().to_owned(),
                detail,
            });
        }
    }
}

/// A line that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Problem {
    /// The line of the body, from 1.
    pub line: u64,
    /// Why, from a closed set.
    pub reason: String,
    /// Why, for a person.
    pub detail: String,
}

/// How many problems an answer lists; all are counted and kept.
#[cfg(feature = "server")]
pub(crate) const PROBLEMS_MAX: usize = 100;

/// The name of a refusal for the devices that a request speaks for.
pub(crate) const NOT_ALLOWED: &str = "not_allowed";
