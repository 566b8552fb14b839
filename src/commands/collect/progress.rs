//! What a person at a terminal sees of a long collection.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use patchlens_event::{Event, Reject};
use patchlens_ingest::collect::{EventSink, SinkError};

/// How often the count is shown anew, in events.
const EVERY: u64 = 512;

/// Hands events on and counts them on stderr, when that is a terminal.
pub(super) struct Progress<S> {
    sink: S,
    bar: ProgressBar,
    events: u64,
    is_one: bool,
}

impl<S: EventSink> Progress<S> {
    /// Starts on so many bundles. How long a single one takes is not known beforehand: it has no end to run to.
    pub(super) fn new(sink: S, bundles: u64) -> Self {
        let is_one = bundles < 2;
        let (bar, template) = if is_one {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(100));
            (bar, "{spinner} {elapsed_precise} {msg}")
        } else {
            let template = "{elapsed_precise} {wide_bar} {pos}/{len} bundles, {msg}, {eta} left";
            (ProgressBar::new(bundles), template)
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self {
            sink,
            bar,
            events: 0,
            is_one,
        }
    }

    /// One more bundle is read.
    pub(super) fn bundle_done(&self) {
        if !self.is_one {
            self.bar.inc(1);
        }
    }

    /// Clears the line and gives the sink back.
    pub(super) fn finish(self) -> S {
        self.bar.finish_and_clear();
        self.sink
    }
}

impl<S: EventSink> EventSink for Progress<S> {
    fn event(&mut self, event: Event) -> Result<(), SinkError> {
        if self.events.is_multiple_of(EVERY) {
            self.bar
                .set_message(format!("{} events, at {}", self.events, event.origin.file));
        }
        self.events += 1;
        self.sink.event(event)
    }

    fn reject(&mut self, reject: Reject) -> Result<(), SinkError> {
        self.sink.reject(reject)
    }
}
