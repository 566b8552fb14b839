//! Evidence lines as the cluster and the device page show them.

use serde::{Deserialize, Serialize};

/// One line that a claim rests on, as logged; grain: one per diagnosis and line.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Evidence {
    pub(crate) device_id: String,
    /// Empty on the device's own page.
    pub(crate) device_name: String,
    pub(crate) diagnosis_id: String,
    pub(crate) role: String,
    pub(crate) source: String,
    pub(crate) source_file: String,
    pub(crate) line_number: u64,
    pub(crate) byte_offset: u64,
    pub(crate) record_id: Option<u64>,
    pub(crate) occurred_at: Option<String>,
    pub(crate) text: String,
}

/// Longer texts are cut on the page; the JSON API has them whole.
const SHOWN_CHARS: usize = 4_000;

impl Evidence {
    /// `CBS.log:1042 @ 88213`, or `System.evtx #5521` for event logs.
    pub(crate) fn place(&self) -> String {
        let file = crate::format::short(&self.source_file, 100);
        match self.record_id {
            Some(record) => format!("{file} #{record}"),
            None if self.line_number == 0 => format!("{file} @ {}", self.byte_offset),
            None => format!("{file}:{} @ {}", self.line_number, self.byte_offset),
        }
    }

    /// The text, cut to what a page can hold.
    pub(crate) fn shown(&self) -> String {
        crate::format::short(self.text.trim_end(), SHOWN_CHARS)
    }
}

/// The CSS class of a role; the set is closed, so that data never becomes a class.
pub(crate) fn role_class(role: &str) -> &'static str {
    match role {
        "verdict" => "verdict",
        "cause" => "cause",
        "culprit" => "culprit",
        _ => "context",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_say_line_offset_or_record() {
        let line = Evidence {
            source_file: "CBS.log".to_owned(),
            line_number: 7,
            byte_offset: 88,
            ..Evidence::default()
        };
        assert_eq!(line.place(), "CBS.log:7 @ 88");
        assert_eq!(
            Evidence {
                record_id: Some(5),
                ..line
            }
            .place(),
            "CBS.log #5"
        );
    }
}
