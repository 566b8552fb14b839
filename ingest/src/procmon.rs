//! Process Monitor's CSV export.
//!
//! Recognised by its header alone. Columns are optional and may be more than the usual seven; the
//! time has a decimal point or comma, 12 or 24 hours, and usually no date: such a record has no
//! time, only its text. Quotes and line ends may stand inside a value.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8};
use jiff::civil::{Date, DateTime, Time};
use patchlens_event::{Level, Reject, RejectReason};

use crate::inventory::split_csv;
use crate::{Issue, LoggedTime, Record, RecordSink, TextAccount};

/// Longest row, line ends inside it included; what is longer has a quote too many.
const ROW_BYTES_MAX: usize = 256 << 10;

/// The delimiter of a Procmon header; `None` when the line is none.
fn header_delimiter(line: &str) -> Option<u8> {
    let plain = line.trim_start_matches('\u{feff}').trim();
    let delimiter = [b',', b';', b'\t']
        .into_iter()
        .find(|delimiter| plain.as_bytes().contains(delimiter))?;
    let columns = split_csv(plain, delimiter);
    let has = |name: &str| columns.iter().any(|column| column == name);
    (has("Process Name") && has("Operation") && has("Result")).then_some(delimiter)
}

/// True when a file starts with Procmon's header.
pub fn recognise(head: &[u8]) -> bool {
    let (encoding, bom) = Encoding::for_bom(head).unwrap_or((UTF_8, 0));
    let (text, _) = encoding.decode_without_bom_handling(head.get(bom..).unwrap_or_default());
    text.lines()
        .next()
        .is_some_and(|line| header_delimiter(line).is_some())
}

/// `process_name` from `Process Name`, `date_time` from `Date & Time`.
fn field_name(column: &str) -> String {
    let mut name = String::with_capacity(column.len());
    for c in column.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    name.trim_end_matches('_').to_owned()
}

/// Reads one export in chunks of any size.
pub struct ProcmonParser {
    decoder: Option<Decoder>,
    /// Bytes in the file per UTF-16 unit; 0 where a byte is a byte.
    wide: bool,
    row: String,
    quotes: u64,
    row_line: u64,
    row_offset: u64,
    offset: u64,
    skipping: bool,
    columns: Vec<String>,
    delimiter: u8,
    head: Vec<u8>,
    account: TextAccount,
}

impl Default for ProcmonParser {
    fn default() -> Self {
        Self {
            decoder: None,
            wide: false,
            row: String::new(),
            quotes: 0,
            row_line: 1,
            row_offset: 0,
            offset: 0,
            skipping: false,
            columns: Vec::new(),
            delimiter: b',',
            head: Vec::new(),
            account: TextAccount::default(),
        }
    }
}

impl ProcmonParser {
    /// Takes the next bytes of the file and hands on complete rows.
    pub fn feed(&mut self, chunk: &[u8], sink: &mut dyn RecordSink) {
        self.account.bytes += chunk.len() as u64;
        if self.decoder.is_none() {
            self.head.extend_from_slice(chunk);
            if self.head.len() < 3 {
                return;
            }
            let head = std::mem::take(&mut self.head);
            self.start(&head);
            let body = head
                .get(usize::try_from(self.offset).unwrap_or(0)..)
                .unwrap_or_default();
            return self.decode(body, false, sink);
        }
        self.decode(chunk, false, sink);
    }

    /// Takes the end of the file.
    pub fn finish(mut self, sink: &mut dyn RecordSink) -> TextAccount {
        if self.decoder.is_none() {
            let head = std::mem::take(&mut self.head);
            self.start(&head);
            self.decode(&head, true, sink);
        } else {
            self.decode(&[], true, sink);
        }
        if !self.row.is_empty() {
            self.account.lines += 1;
            if self.quotes % 2 == 1 {
                self.reject(
                    RejectReason::Truncated,
                    "the file ends inside a quoted value",
                    sink,
                );
            } else {
                self.row_done(sink);
            }
        }
        self.account
    }

    fn start(&mut self, head: &[u8]) {
        let (encoding, bom) = Encoding::for_bom(head).unwrap_or((UTF_8, 0));
        self.wide = encoding != UTF_8;
        self.offset = bom as u64;
        self.row_offset = self.offset;
        self.account.encoding = match (bom, encoding == UTF_8) {
            (0, _) => "utf-8".to_owned(),
            (_, true) => "utf-8-bom".to_owned(),
            (_, false) => encoding.name().to_ascii_lowercase(),
        };
        self.decoder = Some(encoding.new_decoder_without_bom_handling());
    }

    /// Line by line, so that the offset counts the bytes of the file and not those of the decoded text: what
    /// is no UTF-8 becomes longer.
    fn decode(&mut self, bytes: &[u8], last: bool, sink: &mut dyn RecordSink) {
        let Some(mut decoder) = self.decoder.take() else {
            return;
        };
        let mut text = String::with_capacity(8192);
        let mut rest = bytes;
        loop {
            let length = if self.wide {
                rest.len()
            } else {
                memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1)
            };
            let (mut line, after) = rest.split_at(length);
            if !self.wide {
                self.offset += length as u64;
            }
            loop {
                let is_last = last && after.is_empty();
                let (result, read, _) = decoder.decode_to_string(line, &mut text, is_last);
                self.lines(&text, sink);
                text.clear();
                line = line.get(read..).unwrap_or_default();
                if result == CoderResult::InputEmpty {
                    break;
                }
            }
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        self.decoder = Some(decoder);
    }

    fn lines(&mut self, mut text: &str, sink: &mut dyn RecordSink) {
        while !text.is_empty() {
            let length = memchr::memchr(b'\n', text.as_bytes()).map_or(text.len(), |at| at + 1);
            let (part, rest) = text.split_at(length);
            text = rest;
            self.quotes += memchr::memchr_iter(b'"', part.as_bytes()).count() as u64;
            self.row.push_str(part);
            if self.wide {
                // An odd byte at the end is decoded as if it were two.
                let after = self.offset + part.encode_utf16().count() as u64 * 2;
                self.offset = after.min(self.account.bytes);
            }
            if !part.ends_with('\n') {
                if self.row.len() > ROW_BYTES_MAX && !self.skipping {
                    self.skipping = true;
                }
                if self.skipping {
                    self.row
                        .truncate(floor_char(&self.row, Reject::RAW_BYTES_MAX));
                }
                continue;
            }
            self.account.lines += 1;
            if self.skipping || self.row.len() > ROW_BYTES_MAX {
                self.reject(
                    RejectReason::LimitExceeded,
                    "the row is longer than 256 KiB: a quote is missing",
                    sink,
                );
            } else if self.quotes.is_multiple_of(2) {
                self.row_done(sink);
            }
        }
    }

    fn restart_row(&mut self) {
        self.row.clear();
        self.quotes = 0;
        self.skipping = false;
        self.row_line = self.account.lines + 1;
        self.row_offset = self.offset;
    }

    fn reject(&mut self, reason: RejectReason, detail: &str, sink: &mut dyn RecordSink) {
        let lines = self.account.lines + 1 - self.row_line;
        let raw = self
            .row
            .as_bytes()
            .get(..floor_char(&self.row, Reject::RAW_BYTES_MAX))
            .unwrap_or_default();
        sink.issue(Issue {
            line: self.row_line,
            byte_offset: self.row_offset,
            lines,
            reason,
            detail: detail.to_owned(),
            raw: Cow::Borrowed(raw),
        });
        self.account.rejected += lines;
        self.restart_row();
    }

    fn row_done(&mut self, sink: &mut dyn RecordSink) {
        let lines = self.account.lines + 1 - self.row_line;
        let row = self.row.trim_end_matches(['\r', '\n']);
        if row.is_empty() || self.columns.is_empty() {
            if let Some(delimiter) = header_delimiter(row) {
                self.delimiter = delimiter;
                self.columns = split_csv(row.trim_start_matches('\u{feff}'), delimiter)
                    .iter()
                    .map(|column| field_name(column))
                    .collect();
            }
            self.account.continuations += lines;
            return self.restart_row();
        }
        let cells = split_csv(row, self.delimiter);
        if cells.len() < 3 || cells.len() > self.columns.len() {
            return self.reject(
                RejectReason::Malformed,
                "the row has another number of values than the header",
                sink,
            );
        }
        let fields: Vec<(String, String)> = self
            .columns
            .iter()
            .cloned()
            .zip(cells)
            .filter(|(_, value)| !value.is_empty())
            .collect();
        emit(fields, self.row_line, self.row_offset, lines - 1, sink);
        self.account.records += 1;
        self.account.continuations += lines - 1;
        self.restart_row();
    }
}

fn emit(
    fields: Vec<(String, String)>,
    line: u64,
    byte_offset: u64,
    continuations: u64,
    sink: &mut dyn RecordSink,
) {
    let value = |name: &str| {
        fields
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value.as_str())
    };
    let message = format!(
        "{} {} {} {} {}",
        value("process_name"),
        value("operation"),
        value("path"),
        value("result"),
        value("detail")
    );
    let (time_of_day, date_time) = (
        value("time_of_day").to_owned(),
        value("date_time").to_owned(),
    );
    let time_text = if date_time.is_empty() {
        time_of_day.clone()
    } else {
        format!("{date_time} {time_of_day}")
    };
    let component = value("process_name").to_owned();
    sink.record(Record {
        line,
        byte_offset,
        record_id: None,
        time_text: Cow::Owned(time_text),
        time: logged_time(&time_of_day, &date_time),
        level: Level::Unknown,
        component: (!component.is_empty()).then_some(Cow::Owned(component)),
        channel: None,
        windows_event_id: None,
        message: Cow::Owned(message.trim_end().to_owned()),
        fields,
        continuations,
    });
}

/// The time, when the export has the column with the date and its notation tells day from month.
fn logged_time(time_of_day: &str, date_time: &str) -> LoggedTime {
    let exact = clock(time_of_day)
        .or_else(|| clock(date_time.split_once(' ').map_or("", |(_, time)| time)));
    match (date(date_time), exact) {
        (Some(date), Some(time)) => LoggedTime::Local(DateTime::from_parts(date, time)),
        _ => LoggedTime::Unstated,
    }
}

/// `9:16:00.4573109 AM`, `16:53:03,6001516`.
fn clock(text: &str) -> Option<Time> {
    let text = text.trim();
    let upper = text.to_ascii_uppercase();
    let (digits, shift) = match (upper.strip_suffix("AM"), upper.strip_suffix("PM")) {
        (Some(rest), _) => (rest.trim().to_owned(), Some(0)),
        (_, Some(rest)) => (rest.trim().to_owned(), Some(12)),
        _ => (upper, None),
    };
    let mut parts = digits.split(':');
    let hour: i8 = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let seconds = parts.next()?;
    let (second, fraction) = seconds.split_once(['.', ',']).unwrap_or((seconds, ""));
    let nanos: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let hour = match shift {
        Some(shift) if (1..=12).contains(&hour) => hour % 12 + shift,
        Some(_) => return None,
        None => hour,
    };
    Time::new(hour, minute, second.parse().ok()?, nanos).ok()
}

/// The date, unless day and month could be swapped.
fn date(text: &str) -> Option<Date> {
    let first = text.split_whitespace().next()?;
    let american = text.to_ascii_uppercase().ends_with('M') && first.contains('/');
    let mut numbers = first
        .split(['/', '-', '.'])
        .map(|part| part.parse::<i16>().ok());
    let (a, b, c) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let (year, month, day) = match (a, b, c) {
        (year, month, day) if year > 31 => (year, month, day),
        (month, day, year) if american || day > 12 => (year, month, day),
        (day, month, year) if first.contains('.') || day > 12 => (year, month, day),
        _ => return None,
    };
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// The largest character boundary at or below `at`.
fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
