//! Event log documents that forwarders write straight to Kafka: read as the gateway reads them.

use std::cell::RefCell;

use patchlens_event::{DeviceId, Event, Reject, RejectReason};
use patchlens_ingest::collect::{
    CollectOptions, DocumentOutcome, DocumentReader, EventSink, SinkError,
};
use patchlens_ingest::redact::{KnownNames, Redactor};
use patchlens_stream::decode::{DocumentRow, ReadDocuments};

/// What stands as the file in evidence; the same as at the gateway, so that one record is one event
/// whichever way it comes.
const ORIGIN: &str = "winlogbeat";

/// Reads the documents of a message.
pub(crate) struct Documents {
    options: CollectOptions,
    redactor: Redactor,
}

impl std::fmt::Debug for Documents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Documents")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Documents {
    /// Prepares to read with the collector's settings.
    ///
    /// # Errors
    /// When redaction cannot be prepared.
    pub(crate) fn new(options: CollectOptions) -> anyhow::Result<Self> {
        let redactor = Redactor::new(options.redaction.clone(), KnownNames::default())?;
        Ok(Self { options, redactor })
    }

    fn refused(
        &self,
        payload: &[u8],
        byte_offset: u64,
        reason: RejectReason,
        detail: &str,
    ) -> DocumentRow {
        let from = usize::try_from(byte_offset).unwrap_or(usize::MAX);
        let line = payload.get(from..).unwrap_or_default();
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let text = String::from_utf8_lossy(line);
        let text = self.redactor.text(&text);
        let kept = text.floor_char_boundary(Reject::RAW_BYTES_MAX);
        DocumentRow::Refused {
            reason,
            detail: self.redactor.text(detail).into_owned(),
            raw: text.get(..kept).unwrap_or_default().to_owned(),
        }
    }
}

impl ReadDocuments for Documents {
    fn read(&self, payload: &[u8], now: jiff::Timestamp) -> Result<Vec<DocumentRow>, String> {
        let options = CollectOptions {
            collected_at: now,
            ..self.options.clone()
        };
        let rows = RefCell::new(Vec::new());
        // Whoever may write to the topic may speak for every device.
        let everybody = |_: &DeviceId| true;
        DocumentReader::new(&options, ORIGIN)
            .read_body(
                payload,
                &everybody,
                &mut Rows(&rows),
                &mut |_, byte_offset, outcome| {
                    if let DocumentOutcome::Refused(reason, detail) = outcome {
                        let row = self.refused(payload, byte_offset, reason, &detail);
                        rows.borrow_mut().push(row);
                    }
                    true
                },
            )
            .map_err(|error| error.to_string())?;
        let rows = rows.into_inner();
        if rows.is_empty() && !payload.trim_ascii().is_empty() {
            return Err("the message holds no JSON document".to_owned());
        }
        Ok(rows)
    }
}

/// Keeps events as rows.
struct Rows<'a>(&'a RefCell<Vec<DocumentRow>>);

impl EventSink for Rows<'_> {
    fn event(&mut self, event: Event) -> Result<(), SinkError> {
        let row = DocumentRow::Event(Box::new(event));
        self.0.borrow_mut().push(row);
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> Result<(), SinkError> {
        // Documents are refused by their outcome, not here.
        Err(SinkError::new(reject.detail))
    }
}
