//! From one file's records to events.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use patchlens_event::{Event, Hresult, IdentityScope, Kind, Origin, SCHEMA_VERSION, Source};

use super::device::Device;
use super::noise::FileNoise;
use super::{EventSink, MESSAGE_BYTES_MAX, SinkError};
use crate::device::Speaker;
use crate::event_record::COMPUTER_NAME;
use crate::identity::short_name;
use crate::redact::Learned;
use crate::select::{Decision, decide};
use crate::zone::Occurred;
use crate::{Format, Issue, LoggedTime, Record, RecordSink, Result, codes, template};

/// Longest value of a field in bytes.
const FIELD_BYTES_MAX: usize = 8 * 1024;
/// Most fields of one event.
const FIELDS_MAX: usize = 4_096;

/// Fields of event data that hold an error code and nothing else, in lower case.
const CODE_FIELDS: &[&str] = &[
    "errorcode",
    "error_code",
    "hresult",
    "hr",
    "exceptioncode",
    "updateerrorcode",
    "resulthr",
    "win32error",
    "finalresult",
];

/// What is remembered of a file from one record to the next: it may be put aside and taken up again.
#[derive(Debug)]
pub(crate) struct FileState {
    format: Format,
    scope: IdentityScope,
    /// Records that were counted only.
    pub(crate) noise: FileNoise,
    /// Counted before they were complete: they will be counted again.
    ahead: FileNoise,
    /// Records that became an event of their own.
    pub(crate) sent: u64,
    /// Lines and entries that were refused.
    pub(crate) rejected: u64,
    /// Names of users that its records told of.
    pub(crate) learned: Learned,
}

impl FileState {
    /// The state at the beginning of a file.
    pub(crate) fn new(device: &Device, format: Format) -> Self {
        Self {
            format,
            scope: IdentityScope::new(
                device.identity.device_id.clone(),
                format.source(),
                device.redactor.identity_key().clone(),
            ),
            noise: FileNoise::default(),
            ahead: FileNoise::default(),
            sent: 0,
            rejected: 0,
            learned: Learned::default(),
        }
    }
}

impl FileState {
    /// Forgets which records were met: of a file that is read from its beginning the next time.
    pub(crate) fn forget_records(&mut self) {
        self.scope.forget();
    }

    /// What was counted, records that may not be complete included.
    pub(crate) fn noise_with_ahead(&self) -> FileNoise {
        let mut noise = self.noise.clone();
        noise.add(self.ahead.clone());
        noise
    }
}

/// Makes events of a file's records.
pub(crate) struct FileEvents<'a> {
    device: &'a Device,
    file: &'a str,
    shown_file: String,
    source: Source,
    state: FileState,
    /// Nothing is counted, every record is sent.
    sends_all: bool,
    /// Nothing reaches the sink: the state is brought to where it was.
    is_muted: bool,
    /// The state is left as it is: what follows is known before it is complete.
    is_peeking: bool,
    /// Whose records are taken; everybody's where there is none.
    speaker: Option<&'a Speaker>,
    failure: Option<SinkError>,
    sink: &'a mut dyn EventSink,
    template: String,
    identity_text: String,
}

impl<'a> FileEvents<'a> {
    pub(crate) fn new(
        device: &'a Device,
        file: &'a str,
        state: FileState,
        sink: &'a mut dyn EventSink,
    ) -> Self {
        // What was ahead comes again.
        let state = FileState {
            ahead: FileNoise::default(),
            ..state
        };
        Self {
            device,
            file,
            shown_file: device.redactor.text(file).into_owned(),
            source: state.format.source(),
            state,
            sends_all: false,
            is_muted: false,
            is_peeking: false,
            speaker: None,
            failure: None,
            sink,
            template: String::new(),
            identity_text: String::new(),
        }
    }

    /// Takes one computer's records of a file that holds those of several.
    pub(crate) fn of(mut self, speaker: Option<&'a Speaker>) -> Self {
        self.speaker = speaker;
        self
    }

    /// Sends records that would only be counted too.
    pub(crate) fn sending_all(mut self) -> Self {
        self.sends_all = true;
        self
    }

    /// Says whether what follows was handed on before: then it only counts towards identity.
    pub(crate) fn mute(&mut self, is_muted: bool) {
        self.is_muted = is_muted;
    }

    /// Says that what follows will follow again, complete.
    pub(crate) fn peeking(mut self) -> Self {
        self.is_peeking = true;
        self
    }

    /// True when the sink takes no more: reading on is in vain.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Gives what was counted, how much was sent and how much rejected.
    pub(crate) fn finish(self) -> Result<FileState> {
        match self.failure {
            Some(failure) => Err(failure.into()),
            None => Ok(self.state),
        }
    }

    /// Learns whose profiles a record names, whatever becomes of it.
    fn learn(&mut self, record: &Record<'_>) {
        if self.device.redactor.takes_user_names() {
            let learned = &mut self.state.learned;
            learned.learn(&record.message);
            for (_, value) in &record.fields {
                learned.learn(value);
            }
        }
    }

    /// Everything of the record but its time and number, before redaction.
    fn identity_text(&mut self, record: &Record<'_>) {
        self.identity_text.clear();
        for part in [record.component.as_deref(), record.channel.as_deref()] {
            self.identity_text.push_str(part.unwrap_or_default());
            self.identity_text.push('\u{1f}');
        }
        self.identity_text.push_str(&record.message);
    }

    /// The log in which a record has its number: channel and computer, since a collecting computer
    /// keeps logs of others in one. The event's id guards against numbers that are none.
    fn log_of(&mut self, record: &Record<'_>) {
        let computer = record.fields.iter().find(|(name, _)| name == COMPUTER_NAME);
        let computer = computer.map_or("", |(_, name)| short_name(name));
        let log = record.channel.as_deref().or(record.component.as_deref());
        self.identity_text.clear();
        for part in [log.unwrap_or_default(), computer] {
            self.identity_text.push_str(part);
            self.identity_text.push('\u{1f}');
        }
        self.identity_text.make_ascii_lowercase();
        if let Some(id) = record.windows_event_id {
            // Writing to a string cannot fail.
            write!(self.identity_text, "{id}").ok();
        }
    }

    /// A message composed of named values says what its provider and id say; the rest is variable.
    fn template_of(
        &mut self,
        component: Option<&str>,
        windows_event_id: Option<u32>,
        message: &str,
    ) {
        match (component, windows_event_id) {
            (Some(provider), Some(id)) if self.source == Source::EventLog => {
                self.template.clear();
                // Writing to a string cannot fail.
                write!(self.template, "{provider}:{id}").ok();
            }
            _ => template::of(message, &mut self.template),
        }
    }

    fn event(&mut self, record: Record<'_>, codes: Vec<Hresult>, occurred: Occurred) -> Event {
        let is_fact = matches!(self.source, Source::Inventory | Source::HashListing)
            || (self.source == Source::Osquery && record.component.is_none());
        // A reading has no time of its own. Where the bundle states when it was collected, a fact
        // that came back to an earlier value is another reading than the one before.
        let stated = is_fact
            .then(|| self.device.stated_collected_at.map(|time| time.to_string()))
            .flatten();
        let logged_time = stated.as_deref().unwrap_or(&record.time_text);
        // The numbers of Windows begin with 1.
        let number = record.record_id.filter(|number| *number > 0);
        let event_id = if let Some(number) = number.filter(|_| self.source == Source::EventLog) {
            self.log_of(&record);
            let second = match record.time {
                LoggedTime::Utc(time) => Cow::Owned(time.as_second().to_string()),
                _ => Cow::Borrowed(logged_time),
            };
            let scope = &self.state.scope;
            scope.numbered_id(&self.identity_text, &second, number)
        } else {
            self.identity_text(&record);
            let (scope, text) = (&mut self.state.scope, &self.identity_text);
            if self.is_peeking {
                scope.peek_id(logged_time, text)
            } else {
                scope.next_id(logged_time, text)
            }
        };
        let redactor = &self.device.redactor;
        let learned = &self.state.learned;
        let message = cut(&record.message, MESSAGE_BYTES_MAX);
        let message = redactor.record_text(message, &record.fields);
        let message = redactor.without_learned(message, learned);
        let message = cut(&message, MESSAGE_BYTES_MAX).to_owned();
        self.template_of(
            record.component.as_deref(),
            record.windows_event_id,
            &message,
        );
        let learned = &self.state.learned;
        let fields: BTreeMap<String, String> = record
            .fields
            .into_iter()
            .take(FIELDS_MAX)
            .map(|(name, value)| {
                let value = redactor.field(&name, cut(&value, FIELD_BYTES_MAX));
                let value = redactor.without_learned(value, learned).into_owned();
                (redactor.text(&name).into_owned(), value)
            })
            .collect();
        Event {
            v: SCHEMA_VERSION,
            event_id,
            device_id: self.device.identity.device_id.clone(),
            device_name: self.device.identity.device_name.clone(),
            source: self.source,
            kind: if is_fact {
                Kind::Inventory
            } else {
                Kind::Record
            },
            occurred_at: occurred.at,
            occurred_at_local: occurred.at_local,
            zone_source: occurred.zone_source,
            collected_at: self.device.collected_at,
            origin: Origin {
                file: self.shown_file.clone(),
                line: record.line,
                byte_offset: record.byte_offset,
                record_id: record.record_id,
            },
            level: record.level,
            component: record
                .component
                .map(|text| redactor.text(&text).into_owned()),
            channel: record.channel.map(Into::into),
            windows_event_id: record.windows_event_id,
            codes,
            template: self.template.clone(),
            message,
            fields,
            count: 1,
        }
    }
}

/// The failing codes of a record: of its text, and of fields that hold a code.
fn failing_codes(record: &Record<'_>) -> Vec<Hresult> {
    let mut found: Vec<Hresult> = codes::find(&record.message).collect();
    for (name, value) in &record.fields {
        let is_code = CODE_FIELDS
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known));
        if let Some(code) = is_code
            .then(|| Hresult::parse(value).ok())
            .flatten()
            .filter(|code| code.is_failure())
            && !found.contains(&code)
        {
            found.push(code);
        }
    }
    found
}

impl RecordSink for FileEvents<'_> {
    fn record(&mut self, record: Record<'_>) {
        if self.failure.is_some() {
            return;
        }
        if let Some(speaker) = self.speaker {
            let mut fields = record.fields.iter();
            let name = fields.find(|(name, _)| name == COMPUTER_NAME);
            if !speaker.takes(name.map(|(_, name)| name.as_str())) {
                return;
            }
        }
        self.learn(&record);
        // The log of a few thousand lines that says which searches worked: they are counted, not sent,
        // and whoever judges the device has to know of them.
        let counts_noise = self.device.counts_noise || self.state.format == Format::ReportingEvents;
        if counts_noise && !self.is_peeking {
            self.state.noise.saw(&record);
        }
        let codes = failing_codes(&record);
        let decision = if self.sends_all {
            Decision::Send
        } else {
            decide(&record, &codes, self.state.format)
        };
        if decision == Decision::Count && !counts_noise {
            return self.state.noise.pass();
        }
        match decision {
            Decision::Send => {
                let occurred = self.device.zones.occurred(record.time, self.state.format);
                let event = self.event(record, codes, occurred);
                if !self.is_muted {
                    self.state.sent += 1;
                    self.failure = self.sink.event(event).err();
                }
            }
            Decision::Count => {
                self.template_of(
                    record.component.as_deref(),
                    record.windows_event_id,
                    &record.message,
                );
                let noise = if self.is_peeking {
                    &mut self.state.ahead
                } else {
                    &mut self.state.noise
                };
                noise.count(&self.template, codes.first().copied(), record.time.date());
            }
        }
    }

    fn issue(&mut self, issue: Issue<'_>) {
        let is_others = self.speaker.is_some_and(|speaker| !speaker.takes_rest);
        if self.failure.is_some() || self.is_muted || is_others {
            return;
        }
        self.state.rejected += issue.lines.max(1);
        let mut reject = self.device.reject(
            self.file,
            (issue.line, issue.byte_offset),
            issue.reason,
            &issue.detail,
            &issue.raw,
        );
        let redactor = &self.device.redactor;
        let raw = redactor.without_learned(Cow::Borrowed(&reject.raw), &self.state.learned);
        reject.raw = raw.into_owned();
        self.failure = self.sink.reject(reject).err();
    }
}

/// The text up to a number of bytes, cut at a character boundary.
fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max))
        .unwrap_or(text)
}
