//! From a form's body to a bundle on disk, and on to the uploader.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Multipart;
use axum::extract::multipart::Field;
use tokio::io::AsyncWriteExt as _;

use super::{Desk, State, Upload, Uploader, Uploads, name};

/// Longest silence of a browser that sends.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Longest wait for the analysis; it goes on without the reader.
const ANALYSIS_MAX: Duration = Duration::from_mins(15);

/// Why an upload was not taken. The name of a variant is the end of its text's key, `upload.refused_…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// This server takes none.
    Unavailable,
    /// The form was sent by another site.
    Foreign,
    /// As many as may be are under way.
    Busy,
    /// The form holds no file, or an empty one.
    Empty,
    /// More bytes than a bundle may have.
    TooLarge,
    /// The browser stopped sending, or sent no form.
    Broken,
    /// This machine cannot keep it.
    Disk,
}

impl Refused {
    /// The stable code for programs.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Foreign => "foreign",
            Self::Busy => "busy",
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::Broken => "broken",
            Self::Disk => "disk",
        }
    }
}

/// Receives the first file of the form and has it read. Returns as soon as all bytes are here; the reader follows the
/// upload by its id.
pub(crate) async fn receive(desk: &Arc<Desk>, mut form: Multipart) -> Result<Upload, Refused> {
    let Uploads::To {
        uploader,
        dir,
        bytes_max,
    } = &desk.uploads
    else {
        return Err(Refused::Unavailable);
    };
    let turn = Arc::clone(&desk.turns)
        .try_acquire_owned()
        .map_err(|_| Refused::Busy)?;
    let field = loop {
        let next = tokio::time::timeout(SILENCE_MAX, form.next_field()).await;
        match next.map_err(|_| Refused::Broken)? {
            Ok(Some(field)) if field.name() == Some("bundle") => break field,
            Ok(Some(_)) => {}
            Ok(None) => return Err(Refused::Empty),
            Err(_) => return Err(Refused::Broken),
        }
    };
    let shown = name::safe(field.file_name().unwrap_or_default());
    let held = Held::new(dir).await?;
    let path = held.dir.join(&shown);
    let bytes = store(field, &path, *bytes_max).await?;
    if bytes == 0 {
        return Err(Refused::Empty);
    }
    let upload = desk.begin(shown, bytes);
    let (desk, uploader, id) = (Arc::clone(desk), Arc::clone(uploader), upload.id.clone());
    tokio::spawn(async move {
        follow(&desk, uploader.as_ref(), &id, path, held).await;
        drop(turn);
    });
    Ok(upload)
}

async fn follow(desk: &Desk, uploader: &dyn Uploader, id: &str, path: PathBuf, held: Held) {
    let collected = uploader.collect(path).await;
    // What could be read is durable in the event log now, and who sees the next state finds no bundle any more.
    drop(held);
    let collected = match collected {
        Ok(collected) => collected,
        Err(detail) => {
            tracing::warn!(detail, "an uploaded bundle could not be read");
            desk.update(id, State::Failed { detail });
            return;
        }
    };
    let receipt = collected.receipt;
    desk.update(
        id,
        State::Analysing {
            receipt: receipt.clone(),
        },
    );
    let analysed = tokio::time::timeout(ANALYSIS_MAX, collected.analysed).await;
    if analysed == Ok(true) {
        desk.update(id, State::Done { receipt });
    } else {
        tracing::warn!(
            "the analysis of an uploaded bundle takes long, or another process does it; it goes on"
        );
        desk.update(id, State::Unfinished { receipt });
    }
}

async fn store(mut field: Field<'_>, path: &Path, bytes_max: u64) -> Result<u64, Refused> {
    let cannot = |error: std::io::Error| {
        tracing::error!(%error, path = %path.display(), "cannot keep an uploaded bundle");
        Refused::Disk
    };
    let mut file = tokio::fs::File::create(path).await.map_err(cannot)?;
    let mut bytes = 0_u64;
    loop {
        let next = tokio::time::timeout(SILENCE_MAX, field.chunk()).await;
        let Some(chunk) = next
            .map_err(|_| Refused::Broken)?
            .map_err(|_| Refused::Broken)?
        else {
            break;
        };
        bytes = bytes.saturating_add(chunk.len() as u64);
        if bytes > bytes_max {
            return Err(Refused::TooLarge);
        }
        file.write_all(&chunk).await.map_err(cannot)?;
    }
    file.flush().await.map_err(cannot)?;
    Ok(bytes)
}

/// A folder of one upload's own, gone when this is dropped.
struct Held {
    dir: PathBuf,
}

impl Held {
    async fn new(parent: &Path) -> Result<Self, Refused> {
        use std::hash::{BuildHasher, RandomState};
        let name = format!("upload-{:016x}", RandomState::new().hash_one(parent));
        let dir = parent.join(name);
        match tokio::fs::create_dir_all(&dir).await {
            Ok(()) => Ok(Self { dir }),
            Err(error) => {
                tracing::error!(%error, dir = %dir.display(), "cannot make a folder for an upload");
                Err(Refused::Disk)
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            tracing::warn!(%error, dir = %self.dir.display(), "an upload's folder stays behind");
        }
    }
}
