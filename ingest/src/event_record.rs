//! One record of a Windows event log, whatever form it came in.
//!
//! The text is composed from names and values, which Windows never translates:
//! `Microsoft-Windows-WindowsUpdateClient:20 errorCode=0x80240017 updateTitle=…`. A message in the
//! device's language, where the source carries one, follows on a line of its own.

use std::borrow::Cow;
use std::fmt::Write as _;

use patchlens_event::Level;

use crate::{LoggedTime, Record, RecordSink};

/// Name of the field that holds the computer name, as Winlogbeat has it.
pub(crate) const COMPUTER_NAME: &str = "computer_name";

/// What any form of an event log record states.
#[derive(Debug, Default)]
pub(crate) struct EventRecord<'a> {
    pub(crate) provider: &'a str,
    pub(crate) windows_event_id: Option<u32>,
    pub(crate) record_id: Option<u64>,
    pub(crate) channel: &'a str,
    pub(crate) computer_name: &'a str,
    pub(crate) level: Level,
    pub(crate) time_text: &'a str,
    /// Event data, in order.
    pub(crate) fields: Vec<(String, String)>,
    /// The message in the device's language; empty when the source has none.
    pub(crate) text: &'a str,
}

/// The level that a number stands for in the event log.
pub(crate) fn level_of(number: &str) -> Level {
    match number.trim() {
        "1" | "2" => Level::Error,
        "3" => Level::Warning,
        "0" | "4" => Level::Info,
        "5" => Level::Verbose,
        other => match other.to_ascii_lowercase().as_str() {
            "critical" | "error" => Level::Error,
            "warning" => Level::Warning,
            "information" | "info" => Level::Info,
            "verbose" | "debug" => Level::Verbose,
            _ => Level::Unknown,
        },
    }
}

impl EventRecord<'_> {
    fn message(&self) -> String {
        let fields: usize = self
            .fields
            .iter()
            .map(|(name, value)| name.len() + value.len() + 2)
            .sum();
        let mut message =
            String::with_capacity(self.provider.len() + 8 + fields + self.text.len() + 1);
        message.push_str(self.provider);
        message.push(':');
        if let Some(id) = self.windows_event_id {
            // Writing to a string cannot fail.
            write!(message, "{id}").ok();
        }
        for (name, value) in &self.fields {
            message.push(' ');
            message.push_str(name);
            message.push('=');
            message.push_str(value.trim());
        }
        if !self.text.trim().is_empty() {
            message.push('\n');
            message.push_str(self.text.trim());
        }
        message
    }

    /// Hands the record on.
    pub(crate) fn emit(
        mut self,
        line: u64,
        byte_offset: u64,
        continuations: u64,
        time: LoggedTime,
        sink: &mut dyn RecordSink,
    ) {
        let message = self.message();
        let mut fields = std::mem::take(&mut self.fields);
        if !self.computer_name.is_empty() && !fields.iter().any(|(name, _)| name == COMPUTER_NAME) {
            fields.push((COMPUTER_NAME.to_owned(), self.computer_name.to_owned()));
        }
        sink.record(Record {
            line,
            byte_offset,
            record_id: self.record_id,
            time_text: Cow::Borrowed(self.time_text),
            time,
            level: self.level,
            component: (!self.provider.is_empty()).then_some(Cow::Borrowed(self.provider)),
            channel: (!self.channel.is_empty()).then_some(Cow::Borrowed(self.channel)),
            windows_event_id: self.windows_event_id,
            message: Cow::Owned(message),
            fields,
            continuations,
        });
    }
}
