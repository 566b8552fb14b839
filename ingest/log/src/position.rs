//! The order in which a partition's cuts may be recorded and finished, the same for every kind of log.

use crate::{Cut, Error, Result};

/// The two steps of a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Before its rows are stored.
    Record,
    /// After all of them are.
    Finish,
}

impl Step {
    /// What is being done, for errors.
    pub(crate) fn doing(self) -> &'static str {
        match self {
            Self::Record => "record a cut",
            Self::Finish => "finish a cut",
        }
    }
}

/// How far a group has come in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// The first offset that is not finished.
    pub(crate) next_offset: i64,
    /// The cut that is recorded and not finished.
    open: Option<OpenCut>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct OpenCut {
    cut: Cut,
    /// True for a cut of the previous owner, which may have stored some of its rows.
    inherited: bool,
}

impl Position {
    /// The position that a new owner takes over.
    pub(crate) fn inherited(next_offset: i64, cut: Option<Cut>) -> Self {
        Self {
            next_offset,
            open: cut.map(|cut| OpenCut {
                cut,
                inherited: true,
            }),
        }
    }

    /// The cut that the previous owner recorded and did not finish.
    pub(crate) fn in_doubt(&self) -> Option<&Cut> {
        self.open
            .as_ref()
            .filter(|open| open.inherited)
            .map(|open| &open.cut)
    }

    /// Checks that `cut` may take this step.
    pub(crate) fn check(&self, step: Step, cut: &Cut) -> Result<()> {
        match step {
            Step::Record => self.check_record(cut),
            Step::Finish => self.check_finish(cut),
        }
    }

    /// Notes that the log has the step.
    pub(crate) fn apply(&mut self, step: Step, cut: &Cut) {
        match step {
            Step::Record => self.recorded(cut),
            Step::Finish => self.finished(cut),
        }
    }

    /// Checks that `cut` may be recorded: at or after the position, and not over another range that is open.
    /// The same range may be recorded again, by other versions too.
    fn check_record(&self, cut: &Cut) -> Result<()> {
        let refuse = |reason: String| {
            Err(Error::CutOrder {
                cut: Box::new(cut.clone()),
                step: "recorded",
                reason,
            })
        };
        if cut.first_offset < self.next_offset {
            return refuse(format!(
                "everything before {} is finished",
                self.next_offset
            ));
        }
        if cut.last_offset < cut.first_offset {
            return refuse("it ends before it begins".to_owned());
        }
        if cut.made_by.len() > Cut::MADE_BY_BYTES_MAX {
            return refuse(format!(
                "made_by is longer than {} bytes",
                Cut::MADE_BY_BYTES_MAX
            ));
        }
        match &self.open {
            Some(open)
                if (open.cut.first_offset, open.cut.last_offset)
                    != (cut.first_offset, cut.last_offset) =>
            {
                refuse(format!(
                    "{}..={} is recorded and not finished",
                    open.cut.first_offset, open.cut.last_offset
                ))
            }
            _ => Ok(()),
        }
    }

    /// Checks that `cut` may be finished: it must be the one that is recorded.
    fn check_finish(&self, cut: &Cut) -> Result<()> {
        let refuse = |reason: String| {
            Err(Error::CutOrder {
                cut: Box::new(cut.clone()),
                step: "finished",
                reason,
            })
        };
        match &self.open {
            Some(open)
                if (open.cut.first_offset, open.cut.last_offset)
                    == (cut.first_offset, cut.last_offset) =>
            {
                Ok(())
            }
            Some(open) => refuse(format!(
                "the recorded one is {}..={}",
                open.cut.first_offset, open.cut.last_offset
            )),
            None => refuse("none is recorded".to_owned()),
        }
    }

    /// Notes that the log has `cut` as recorded.
    fn recorded(&mut self, cut: &Cut) {
        // An inherited cut stays in doubt until it is finished, whoever records it again.
        let inherited = self.open.as_ref().is_some_and(|open| open.inherited);
        self.open = Some(OpenCut {
            cut: cut.clone(),
            inherited,
        });
    }

    /// Notes that the log has `cut` as finished.
    fn finished(&mut self, cut: &Cut) {
        self.next_offset = cut.last_offset.saturating_add(1);
        self.open = None;
    }
}
