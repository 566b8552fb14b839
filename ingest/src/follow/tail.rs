//! One followed file.
//!
//! - A text log is read on as it grows. As long as it is too short for its encoding to be certain,
//!   it is read from its beginning each time, as a whole file of that length would be.
//! - An event log, a trace or documents are read from the beginning each time they change: what was
//!   handed on counts towards identity and is not handed on again.
//! - Everything else says one thing as a whole, and is handed on when it says another.

mod whole;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::FollowOptions;
use patchlens_event::RejectReason;

use super::gate::{End, Gate, Last, Passed};
use super::pass::Pass;
use super::position::{HEAD_BYTES, Head, Mark, Position};
use crate::bundle::{Links, is_packed, is_zip, open_regular};
use crate::collect::{Device, EventSink, FileEvents, FileState};
use crate::identity::unknown;
use crate::{Format, Result, TextParser, detect};

/// How much of a file is read at once.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;
/// How much of a file one look reads on, so that no file keeps others waiting, and what it yields can
/// be made durable before more is read.
pub(super) const LOOK_BYTES: u64 = 4 << 20;
/// A file that is read from its beginning is left alone for this many times as long as that took.
const REST: u32 = 10;

/// One followed file.
pub(super) struct Tail {
    pub(super) relative: String,
    path: PathBuf,
    links: Links,
    file: Option<File>,
    pub(super) format: Option<Format>,
    pub(super) position: Position,
    stamp: Option<(u64, SystemTime)>,
    text: Option<Text>,
    pass: Option<Pass>,
    /// Damaged places that were told of.
    damage: BTreeSet<(u64, String)>,
    /// Why there is no format.
    unknown: Option<String>,
    /// That was told.
    is_told: bool,
    /// What is known of its records so far; its noise is the base rate.
    pub(super) state: Option<FileState>,
    changed_at: Instant,
    /// When the oldest change came that was not handed on.
    waiting_since: Option<Instant>,
    is_settled: bool,
    is_partial_taken: bool,
    rest_until: Option<Instant>,
}

struct Text {
    parser: TextParser,
    fed: u64,
}

/// What a look at a file came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Looked {
    /// Bytes read.
    pub(super) bytes: u64,
    /// More can be read at once.
    pub(super) is_behind: bool,
    /// The file is no more, or another one stands in its place: begin anew.
    pub(super) is_gone: bool,
    /// Look again then, whatever happens.
    pub(super) again_at: Option<Instant>,
}

/// What all files of a device share in one look.
pub(super) struct Look<'a> {
    pub(super) device: &'a Device,
    pub(super) options: &'a FollowOptions,
    pub(super) now: Instant,
    pub(super) sink: &'a mut dyn EventSink,
}

/// Opens a file and reads its first bytes.
pub(super) fn open(path: &Path, links: Links) -> io::Result<(File, Vec<u8>)> {
    let mut file = open_regular(path, links)?;
    let start = start_of(&mut file)?;
    Ok((file, start))
}

fn start_of(file: &mut File) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(HEAD_BYTES);
    file.seek(SeekFrom::Start(0))?;
    file.take(HEAD_BYTES as u64).read_to_end(&mut start)?;
    Ok(start)
}

impl Tail {
    pub(super) fn new(
        relative: String,
        path: PathBuf,
        links: Links,
        position: Position,
        now: Instant,
    ) -> Self {
        Self {
            relative,
            path,
            links,
            file: None,
            format: None,
            position,
            stamp: None,
            text: None,
            pass: None,
            damage: BTreeSet::new(),
            unknown: None,
            is_told: false,
            state: None,
            changed_at: now,
            waiting_since: None,
            is_settled: true,
            is_partial_taken: true,
            rest_until: None,
        }
    }

    /// Looks at the file and hands on what is new.
    pub(super) fn look(&mut self, look: &mut Look<'_>) -> Result<Looked> {
        let metadata = if self.links == Links::Followed {
            fs::metadata(&self.path)
        } else {
            fs::symlink_metadata(&self.path)
        };
        // A link, a directory or a pipe that took its place is for the next walk to judge.
        let Some(metadata) = metadata.ok().filter(fs::Metadata::is_file) else {
            return self.end(look);
        };
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let stamp = Some((metadata.len(), modified));
        let has_changed = self.stamp != stamp;
        let is_at_rest = self.is_settled && self.is_partial_taken;
        if has_changed || (self.file.is_none() && !is_at_rest) {
            let Ok((mut file, start)) = open(&self.path, self.links) else {
                // In use by another program, or too many are open: the next look may find it free.
                return Ok(Self::again(look.options.look, look.now));
            };
            let shrank = self
                .text
                .as_ref()
                .is_some_and(|text| metadata.len() < text.fed);
            let is_other =
                !self.position.head.is_start_of(&start) || !self.position.is_kept_by(&mut file);
            if shrank || is_other {
                return self.end(look);
            }
            if has_changed {
                self.position.head = Head::of_file(&start);
                self.stamp = stamp;
                self.changed_at = look.now;
                self.waiting_since.get_or_insert(look.now);
                (self.is_settled, self.is_partial_taken) = (false, false);
            }
            self.file = Some(file);
        }
        if self.format.is_none() && !self.is_settled {
            self.recognise(metadata.len());
        }
        match self.format {
            None => self.look_at_unknown(look),
            Some(format) if format.is_text_log() => self.look_at_text(format, look),
            Some(format) => self.look_at_whole(format, look),
        }
    }

    /// True while the file is open.
    pub(super) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Gives the file free until there is more to be read. Its last words are lost when it is moved away
    /// meanwhile.
    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// What no parser knows is told of once, when it grows no more: its first lines may say too little.
    fn look_at_unknown(&mut self, look: &mut Look<'_>) -> Result<Looked> {
        self.is_settled = true;
        self.waiting_since = None;
        self.file = None;
        let told_at = self.changed_at + look.options.partial;
        if !self.is_told && look.now < told_at {
            return Ok(Looked {
                again_at: Some(told_at),
                ..Looked::default()
            });
        }
        self.is_partial_taken = true;
        if let Some(detail) = self.unknown.take().filter(|_| !self.is_told) {
            self.is_told = true;
            let reason = RejectReason::UnknownFormat;
            let reject = look
                .device
                .reject(&self.relative, (0, 0), reason, &detail, b"");
            look.sink.reject(reject)?;
        }
        Ok(Looked::default())
    }

    fn again(after: Duration, now: Instant) -> Looked {
        Looked {
            again_at: Some(now + after),
            ..Looked::default()
        }
    }

    fn recognise(&mut self, bytes: u64) {
        let Some(file) = &mut self.file else { return };
        let mut head = Vec::new();
        let wanted = bytes.min(crate::HEAD_BYTES as u64);
        let read = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.take(wanted).read_to_end(&mut head));
        if read.is_ok() {
            let name = self.relative.rsplit('/').next().unwrap_or_default();
            self.format = detect(&head, &self.relative);
            self.unknown = if is_zip(&head) || is_packed(&head) {
                Some("archives are not followed; `patchlens collect` reads them".to_owned())
            } else {
                self.format.is_none().then(|| unknown(&head, name))
            };
        }
    }

    /// The file is no more, or not the same: the rest of it is taken, as far as it is at hand.
    pub(super) fn end(&mut self, look: &mut Look<'_>) -> Result<Looked> {
        // What is open is still the old file when that was renamed or deleted. When it was cut short
        // and begun anew, what stands at our place is not what followed.
        let fed = self.text.as_ref().map_or(0, |text| text.fed);
        let position = &self.position;
        let is_old = self.file.as_mut().is_some_and(|file| {
            let is_long = file.metadata().is_ok_and(|metadata| metadata.len() >= fed);
            is_long
                && start_of(file).is_ok_and(|start| position.head.is_start_of(&start))
                && position.is_kept_by(file)
        });
        if let (true, Some(format), Some(_)) = (is_old, self.format, &self.text) {
            while self.read_on(format, look)? > 0 {}
            self.settle(format, false, None, look)?;
            self.settle(format, true, None, look)?;
        }
        Ok(Looked {
            is_gone: true,
            ..Looked::default()
        })
    }

    fn look_at_text(&mut self, format: Format, look: &mut Look<'_>) -> Result<Looked> {
        let mut looked = Looked::default();
        while looked.bytes < LOOK_BYTES {
            let count = self.read_on(format, look)?;
            if count == 0 {
                break;
            }
            looked.bytes += count;
        }
        let text_fed = self.text.as_ref().map_or(0, |text| text.fed);
        looked.is_behind = self.stamp.is_some_and(|(len, _)| text_fed < len) && looked.bytes > 0;
        if looked.is_behind {
            return Ok(looked);
        }
        let quiet = look.now.saturating_duration_since(self.changed_at);
        let is_quiet = quiet >= look.options.settle;
        if !self.is_settled {
            // A short file that never rests is handed on all the same, but for its last record.
            let is_waiting = self.waiting_since.is_some_and(|since| {
                look.now.saturating_duration_since(since) >= 2 * look.options.settle
            });
            let is_at_start = self
                .text
                .as_ref()
                .is_some_and(|text| text.parser.is_at_start());
            if is_quiet {
                self.settle(format, false, None, look)?;
                self.is_settled = true;
                self.waiting_since = None;
            } else if is_at_start && is_waiting {
                if let Some(until) = self.last_begins(format) {
                    self.settle(format, false, Some(until), look)?;
                }
                self.waiting_since = Some(look.now);
            }
        }
        if !self.is_settled {
            looked.again_at = Some(self.changed_at + look.options.settle);
        } else if !self.is_partial_taken {
            if quiet >= look.options.partial {
                self.settle(format, true, None, look)?;
                self.is_partial_taken = true;
            } else {
                looked.again_at = Some(self.changed_at + look.options.partial);
            }
        }
        Ok(looked)
    }

    /// Feeds the next bytes; how many there were.
    fn read_on(&mut self, format: Format, look: &mut Look<'_>) -> Result<u64> {
        let Some(file) = &mut self.file else {
            return Ok(0);
        };
        let text = self.text.get_or_insert_with(|| Text {
            parser: TextParser::new(format),
            fed: 0,
        });
        let mut chunk = Vec::new();
        let read = file
            .seek(SeekFrom::Start(text.fed))
            .and_then(|_| file.take(CHUNK_BYTES as u64).read_to_end(&mut chunk));
        if let Err(error) = read {
            tracing::warn!(%error, file = %self.path.display(), "cannot read on");
            return Ok(0);
        }
        if chunk.is_empty() {
            return Ok(0);
        }
        let was_at_start = text.parser.is_at_start();
        if was_at_start {
            // It was read from its beginning each time, and is now for the last time.
            self.format = detect_again(text.parser.pending_bytes(), &chunk, &self.relative)
                .filter(|again| again.is_text_log() && *again != format)
                .or(Some(format));
            if self.format != Some(format) {
                // The next look begins anew.
                self.text = None;
                self.state = None;
                self.stamp = None;
                return Ok(0);
            }
            self.state = None;
        }
        let state = self
            .state
            .take()
            .unwrap_or_else(|| FileState::new(look.device, format));
        let mut events = FileEvents::new(look.device, &self.relative, state, look.sink);
        let mut passed = Passed::new(self.position.mark);
        let mut gate = Gate {
            events: &mut events,
            format,
            from: self.position.mark,
            passed: &mut passed,
            until: None,
            end: End::Open,
            damage: None,
        };
        text.parser.feed(&chunk, &mut gate);
        text.fed += chunk.len() as u64;
        self.state = Some(events.finish()?);
        self.reached(passed.reached);
        Ok(chunk.len() as u64)
    }

    /// Hands on what would come if the file ended here.
    fn settle(
        &mut self,
        format: Format,
        with_partial_line: bool,
        until: Option<u64>,
        look: &mut Look<'_>,
    ) -> Result<()> {
        let Some(text) = &self.text else {
            return Ok(());
        };
        let is_at_start = text.parser.is_at_start();
        let state = match self.state.take().filter(|_| !is_at_start) {
            Some(state) => state,
            None => FileState::new(look.device, format),
        };
        let events = FileEvents::new(look.device, &self.relative, state, look.sink);
        // What is read from its beginning each time is remembered from this time only.
        let mut events = if is_at_start {
            events
        } else {
            events.peeking()
        };
        let mut passed = Passed::new(self.position.mark);
        let mut gate = Gate {
            events: &mut events,
            format,
            from: self.position.mark,
            passed: &mut passed,
            until,
            // All whole lines were taken before.
            end: if with_partial_line {
                End::Quiet
            } else {
                End::Open
            },
            damage: None,
        };
        text.parser.peek_end(with_partial_line, &mut gate);
        self.state = Some(events.finish()?);
        self.reached(passed.reached);
        Ok(())
    }

    /// Moves the mark.
    fn reached(&mut self, mark: Option<Mark>) {
        if mark == self.position.mark {
            return;
        }
        self.position.mark = mark;
        if let Some(file) = &mut self.file {
            self.position.look_at_mark(file);
        }
    }

    /// Where the last record of a short text begins.
    fn last_begins(&self, format: Format) -> Option<u64> {
        let parser = &self.text.as_ref()?.parser;
        let bytes = parser.pending_bytes().get(..parser.whole_lines())?;
        let mut last = Last::default();
        crate::parse(bytes, format, &mut last);
        last.0
    }
}

/// The format of a text that has grown: its first lines may have said too little.
fn detect_again(before: &[u8], more: &[u8], name: &str) -> Option<Format> {
    let mut head = before.to_vec();
    let room = crate::HEAD_BYTES.saturating_sub(head.len());
    head.extend_from_slice(more.get(..room.min(more.len())).unwrap_or_default());
    detect(&head, name)
}
