//! Facts on their way to one inventory record.

use std::borrow::Cow;
use std::collections::HashSet;

use patchlens_event::Level;

use super::lines::Line;
use crate::{LoggedTime, Record, RecordSink};

/// Named facts in the order they were found; a name that comes twice keeps its first value.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    facts: Vec<(String, String)>,
    names: HashSet<String>,
}

impl Facts {
    pub(crate) fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        if !value.trim().is_empty() && self.names.insert(name.clone()) {
            self.facts.push((name, value.trim().to_owned()));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// Hands the facts on as one record that spans `lines`, which count as its continuations but
    /// for one. The record's place is its first line that is not blank.
    pub(crate) fn emit(self, lines: &[Line], time: LoggedTime, sink: &mut dyn RecordSink) {
        let Some(first) = lines.iter().find(|line| !line.is_blank()).or(lines.first()) else {
            return;
        };
        let mut message = String::new();
        for line in lines.iter().filter(|line| !line.is_blank()) {
            if message.len() + line.text.len() >= crate::collect::MESSAGE_BYTES_MAX {
                break;
            }
            if !message.is_empty() {
                message.push('\n');
            }
            message.push_str(line.text.trim_end());
        }
        sink.record(Record {
            line: first.number,
            byte_offset: first.byte_offset,
            record_id: None,
            time_text: Cow::Borrowed(""),
            time,
            level: Level::Unknown,
            component: None,
            channel: None,
            windows_event_id: None,
            message: Cow::Owned(message),
            fields: self.facts,
            continuations: lines.len().saturating_sub(1) as u64,
        });
    }
}

/// Collects KB numbers in the order of the source, each once.
#[derive(Debug, Default)]
pub(crate) struct Hotfixes(Vec<u32>, HashSet<u32>);

impl Hotfixes {
    /// Adds every `KB…` of a text.
    pub(crate) fn add_all(&mut self, text: &str) {
        for number in kb_numbers(text) {
            if self.1.insert(number) {
                self.0.push(number);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `KB4601558,KB5001634`.
    pub(crate) fn joined(&self) -> String {
        self.0
            .iter()
            .map(|number| format!("KB{number}"))
            .collect::<Vec<_>>()
            .join(",")
    }
}

/// The KB numbers of a text: `KB` in any case with 6 or 7 digits, no letter or digit before.
fn kb_numbers(text: &str) -> impl Iterator<Item = u32> {
    let bytes = text.as_bytes();
    memchr::memchr2_iter(b'K', b'k', bytes).filter_map(move |at| {
        if at > 0 && bytes.get(at - 1).is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        let rest = bytes.get(at + 1..)?;
        let [b'B' | b'b', digits @ ..] = rest else {
            return None;
        };
        let count = digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if !(6..=7).contains(&count) {
            return None;
        }
        std::str::from_utf8(digits.get(..count)?).ok()?.parse().ok()
    })
}
