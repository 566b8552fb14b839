//! One reading of a file from its beginning to its end, in slices, so that what it yields can be made
//! durable in between.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use super::gate::{End, Gate, Passed};
use super::position::Mark;
use super::tail::{CHUNK_BYTES, LOOK_BYTES, Look};
use crate::collect::{FileEvents, FileState};
use crate::parser::FileParser;
use crate::{Format, Result};

/// A reading under way.
pub(super) struct Pass {
    format: Format,
    parser: FileParser,
    state: FileState,
    fed: u64,
    from: Option<Mark>,
    passed: Passed,
    takes_end: bool,
    /// How long it has been at work.
    pub(super) took: Duration,
}

/// What a slice came to.
pub(super) enum Slice {
    /// There is more.
    More(Pass, u64),
    /// It was the last one.
    Done(FileState, Passed, u64),
}

impl Pass {
    /// Begins. `from` was handed on before. With `takes_end` the file's end is taken as it is: nothing
    /// followed it for long.
    pub(super) fn new(
        format: Format,
        from: Option<Mark>,
        takes_end: bool,
        look: &Look<'_>,
    ) -> Self {
        Self {
            format,
            parser: FileParser::new(format, &look.options.collect.limits),
            state: FileState::new(look.device, format),
            fed: 0,
            from,
            passed: Passed::new(from),
            takes_end,
            took: Duration::ZERO,
        }
    }

    /// True when records stand in the order of their marks: what was reached may be committed on the
    /// way.
    pub(super) fn is_in_order(&self) -> bool {
        self.format != Format::Evtx
    }

    /// What was reached so far.
    pub(super) fn reached(&self) -> Option<Mark> {
        self.passed.reached
    }

    /// Reads on.
    ///
    /// # Errors
    /// When the sink takes no more.
    pub(super) fn slice(
        self,
        file: &mut File,
        name: &str,
        damage: &mut BTreeSet<(u64, String)>,
        look: &mut Look<'_>,
    ) -> Result<Slice> {
        let started = Instant::now();
        let Self {
            format,
            mut parser,
            state,
            mut fed,
            from,
            mut passed,
            takes_end,
            took,
        } = self;
        let mut events = FileEvents::new(look.device, name, state, look.sink);
        let mut gate = Gate {
            events: &mut events,
            format,
            from,
            passed: &mut passed,
            until: None,
            end: if takes_end && format == Format::Evtx {
                End::Quiet
            } else {
                End::Open
            },
            damage: Some(damage),
        };
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut bytes = 0;
        let mut is_at_end = file.seek(SeekFrom::Start(fed)).is_err();
        while !is_at_end && bytes < LOOK_BYTES {
            match file.read(&mut chunk) {
                Ok(count) if count > 0 => {
                    parser.feed(chunk.get(..count).unwrap_or_default(), &mut gate);
                    bytes += count as u64;
                }
                _ => is_at_end = true,
            }
        }
        fed += bytes;
        if !is_at_end {
            let state = events.finish()?;
            let pass = Self {
                format,
                parser,
                state,
                fed,
                from,
                passed,
                takes_end,
                took: took + started.elapsed(),
            };
            return Ok(Slice::More(pass, bytes));
        }
        if matches!(format, Format::EventsJson | Format::ProcmonCsv) {
            gate.end = if takes_end { End::Quiet } else { End::Growing };
        }
        parser.finish(&mut gate);
        Ok(Slice::Done(events.finish()?, passed, bytes))
    }
}
