//! Files that are read in passes from their beginning: what is no text log.

use std::io::{self, Seek, SeekFrom};
use std::time::Instant;

use patchlens_event::RejectReason;

use super::{Look, Looked, REST, Tail};
use crate::follow::pass::{Pass, Slice};
use crate::{Format, Result};

impl Tail {
    pub(super) fn look_at_whole(&mut self, format: Format, look: &mut Look<'_>) -> Result<Looked> {
        let bytes_max = look.options.collect.limits.whole_file_bytes_max;
        if let Some((bytes, _)) = self.stamp
            && is_one_statement(format)
            && bytes > bytes_max
        {
            self.pass = None;
            return self.refuse(bytes, look);
        }
        let pass = match self.pass.take() {
            Some(pass) => pass,
            None => match self.begin_pass(format, look) {
                Ok(pass) => pass,
                Err(looked) => return Ok(looked),
            },
        };
        let Some(file) = &mut self.file else {
            return Ok(Self::again(look.options.look, look.now));
        };
        let took = pass.took;
        let started = Instant::now();
        let from = self.position.mark;
        let (state, passed, bytes) =
            match pass.slice(file, &self.relative, &mut self.damage, look)? {
                Slice::More(pass, bytes) => {
                    if pass.is_in_order() {
                        self.reached(pass.reached());
                    }
                    self.pass = Some(pass);
                    return Ok(Looked {
                        bytes,
                        is_behind: true,
                        ..Looked::default()
                    });
                }
                Slice::Done(state, passed, bytes) => (state, passed, bytes),
            };
        self.rest_until = Some(look.now + (took + started.elapsed()) * REST);
        self.waiting_since = None;
        self.state = Some(state);
        if let Some(state) = &mut self.state {
            // It is read from its beginning the next time.
            state.forget_records();
        }
        if format == Format::Evtx {
            self.position.mark = passed.reached;
            if from.is_some() && passed.has_muted && !passed.has_met_mark {
                // It was cleared or replaced: what was muted was never handed on.
                self.position.mark = None;
                self.rest_until = None;
                return Ok(Looked {
                    bytes,
                    is_behind: true,
                    ..Looked::default()
                });
            }
        } else if is_one_statement(format) {
            self.position.mark = passed.reached;
        } else {
            self.reached(passed.reached);
        }
        self.is_partial_taken = !passed.has_held_back;
        self.is_settled = true;
        Ok(Looked {
            bytes,
            again_at: passed
                .has_held_back
                .then(|| self.changed_at + look.options.partial),
            ..Looked::default()
        })
    }

    /// What is kept in memory as a whole is not even read when it is too long for that: the file may
    /// be said to have more bytes than any disk.
    fn refuse(&mut self, bytes: u64, look: &mut Look<'_>) -> Result<Looked> {
        (self.is_settled, self.is_partial_taken) = (true, true);
        self.waiting_since = None;
        self.file = None;
        if !self.is_told {
            self.is_told = true;
            let detail = format!(
                "{bytes} bytes; files of this format are read up to {}, raise `whole_file_bytes_max`",
                look.options.collect.limits.whole_file_bytes_max
            );
            let reason = RejectReason::LimitExceeded;
            let reject = look
                .device
                .reject(&self.relative, (1, 0), reason, &detail, b"");
            look.sink.reject(reject)?;
        }
        Ok(Looked::default())
    }

    /// Begins a pass when it is due, or says when it is.
    fn begin_pass(&mut self, format: Format, look: &Look<'_>) -> std::result::Result<Pass, Looked> {
        let end_at = self.changed_at + look.options.partial;
        let takes_end = look.now >= end_at;
        if self.is_settled {
            if self.is_partial_taken {
                return Err(Looked::default());
            }
            if !takes_end {
                return Err(Looked {
                    again_at: Some(end_at),
                    ..Looked::default()
                });
            }
        } else {
            let quiet_at = self.changed_at + look.options.settle;
            let waits = self
                .waiting_since
                .is_some_and(|since| look.now < since + 3 * look.options.settle);
            let due =
                self.rest_until
                    .unwrap_or(quiet_at)
                    .max(if waits { quiet_at } else { look.now });
            if look.now < due {
                return Err(Looked {
                    again_at: Some(due),
                    ..Looked::default()
                });
            }
        }
        if is_one_statement(format) {
            let hash = self.hash();
            if hash == self.position.whole {
                (self.is_settled, self.is_partial_taken) = (true, true);
                return Err(Looked::default());
            }
            self.position.whole = hash;
            return Ok(Pass::new(format, None, takes_end, look));
        }
        Ok(Pass::new(format, self.position.mark, takes_end, look))
    }

    fn hash(&mut self) -> Option<String> {
        let file = self.file.as_mut()?;
        file.seek(SeekFrom::Start(0)).ok()?;
        let mut hasher = blake3::Hasher::new();
        io::copy(file, &mut hasher).ok()?;
        Some(hasher.finalize().to_hex().to_string())
    }
}

/// True for what says one thing as a whole.
fn is_one_statement(format: Format) -> bool {
    !matches!(
        format,
        Format::Evtx | Format::EventsJson | Format::ProcmonCsv
    )
}
