//! `POST /ingest/v1/bundles`: a .zip or a single log, streamed to disk and read like any other.
//!
//! Query: `name` (the file's name, which names the device when nothing in it does), `device` (the
//! device, when the logs do not say or say wrong), `upload_id` (an id of the client's choosing, to
//! ask about it meanwhile at `GET /ingest/v1/bundles/{upload_id}`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path as UrlPath, Query, Request, State};
use axum::http::header;
use futures::StreamExt as _;
use patchlens_event::{Event, Reject, causes};
use patchlens_ingest::collect::{Cancel, EventSink, PathAccount, SinkError, read_path};
use patchlens_ingest::ship::{Shipper, ship_all};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;

use crate::access::Collector;
use crate::pressure::{Room, content_length};
use crate::refusal::{Refusal, log_refusal};
use crate::server::Shared;
use crate::token::Scope;
use crate::uploads::{Upload, UploadState};

/// When a client shall come back for which there is no room now.
const RETRY: Duration = Duration::from_secs(10);
/// Longest name and id: file systems count bytes, and refuse more than 255 of them.
const NAME_BYTES_MAX: usize = 200;
/// The least that a bundle must come to in a second, on average once `body_wait` has passed.
const BYTES_PER_SECOND_MIN: u64 = 2 << 10;
/// The file that says that a directory of uploads has its gateway.
const LOCK_NAME: &str = "lock";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    name: Option<String>,
    device: Option<String>,
    upload_id: Option<String>,
}

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    UrlPath(upload_id): UrlPath<String>,
    request: Request,
) -> Result<Json<Upload>, Refusal> {
    let collector = shared.admit(request.headers(), Scope::Bundles)?;
    shared
        .uploads
        .get(collector.name(), &upload_id)
        .map(Json)
        .ok_or_else(|| {
            Refusal::Unknown(format!(
                "no upload {upload_id:?} of {} is known: it never began, or long ago, or before the gateway was started again",
                collector.name()
            ))
        })
}

pub(crate) async fn post(
    State(shared): State<Arc<Shared>>,
    params: Result<Query<Params>, QueryRejection>,
    request: Request,
) -> Result<Json<Upload>, Refusal> {
    let collector = shared.admit(request.headers(), Scope::Bundles)?;
    shared.pressure.request(collector.name())?;
    let Query(params) = params.map_err(|error| {
        Refusal::Malformed(format!(
            "{}: `name`, `device` and `upload_id` are known",
            error.body_text()
        ))
    })?;
    let (parts, body) = request.into_parts();
    if parts.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Refusal::Malformed(
            "bundles are sent as they are, without Content-Encoding".to_owned(),
        ));
    }
    let total_bytes = content_length(&parts.headers);
    let bundle_bytes_max = shared.config.bundle_bytes_max;
    if total_bytes.is_some_and(|bytes| bytes > bundle_bytes_max) {
        return Err(too_large(bundle_bytes_max));
    }
    let upload_id = match params.upload_id {
        Some(id) => checked("upload_id", &id)?,
        None => Shared::new_id()?,
    };
    let mut upload = Upload::new(upload_id.clone(), total_bytes);
    if !shared.uploads.begin(collector.name(), upload.clone()) {
        return Err(Refusal::Taken(format!(
            "the upload {upload_id} is under way already"
        )));
    }
    // Whatever ends this, a dropped connection included, the upload is no more under way.
    let mut ending = Ending {
        shared: &shared,
        collector: collector.name(),
        upload_id: &upload_id,
        detail: Some("the connection ended before the answer".to_owned()),
    };
    shared.metrics.bundles_open.fetch_add(1, Ordering::Relaxed);
    let Some(turn) = shared.pressure.bundle(collector.name()) else {
        let detail = "as many bundles as may be are under way already".to_owned();
        ending.detail = Some(detail.clone());
        return Err(Refusal::Busy(detail, RETRY));
    };
    let outcome = take(
        &shared,
        &collector,
        &upload_id,
        &params.name.unwrap_or_default(),
        params.device,
        (body, turn),
    )
    .await;
    match outcome {
        Ok((received_bytes, account)) => {
            ending.detail = None;
            upload.state = UploadState::Done;
            upload.received_bytes = received_bytes;
            upload.account(&account);
            shared.metrics.events("bundles", upload.sent);
            if upload.rejected > 0 {
                shared.metrics.rejected("in_bundle", upload.rejected);
            }
            let done = upload.clone();
            shared
                .uploads
                .update(collector.name(), &upload_id, |known| *known = done);
            Ok(Json(upload))
        }
        Err(refusal) => {
            ending.detail = Some(refusal.detail());
            Err(refusal)
        }
    }
}

/// Says how an upload ended when its handler goes.
struct Ending<'a> {
    shared: &'a Shared,
    collector: &'a str,
    upload_id: &'a str,
    detail: Option<String>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let bundles_open = &self.shared.metrics.bundles_open;
        bundles_open.fetch_sub(1, Ordering::Relaxed);
        if let Some(detail) = self.detail.take() {
            self.shared
                .uploads
                .update(self.collector, self.upload_id, |upload| {
                    upload.state = UploadState::Failed;
                    upload.detail = Some(detail);
                });
        }
    }
}

async fn take(
    shared: &Arc<Shared>,
    collector: &Collector,
    upload_id: &str,
    name: &str,
    device: Option<String>,
    (body, turn): (Body, Room),
) -> Result<(u64, PathAccount), Refusal> {
    let name = match name {
        "" => collector.name().to_owned(),
        name => checked("name", name)?,
    };
    let broken = |error: std::io::Error| {
        tracing::error!(%error, "cannot keep an upload");
        Refusal::Broken("the gateway cannot keep the upload; its own log says why".to_owned())
    };
    // A directory of its own, so that the file can have the name that the client gave it; gone when
    // this ends. A single log that names no device is of the collector that its folder is named after.
    let dir = tempfile::Builder::new()
        .prefix("upload-")
        .tempdir_in(&shared.config.upload_dir)
        .map_err(broken)?;
    let folder = dir.path().join(collector.name());
    std::fs::create_dir(&folder).map_err(broken)?;
    let file = folder.join(&name);
    let received = receive(shared, collector, upload_id, &file, body).await?;
    shared
        .uploads
        .update(collector.name(), upload_id, |upload| {
            upload.state = UploadState::Reading;
            upload.received_bytes = received.bytes;
        });
    shared.metrics.bytes("bundles", received.bytes);
    let mut options = shared.config.collect.clone();
    options.collected_at = (shared.config.now)();
    options.device = device;
    // When the client goes, reading ends soon; until it has, it keeps its turn and its room.
    options.cancel = Cancel::default();
    let _cancelling = Cancelling(options.cancel.clone());
    let (shipper, inbox) = Shipper::new(shared.config.message_kib_max);
    let mut sink = Checked {
        shipper,
        collector: collector.clone(),
        foreign: None,
    };
    let received_bytes = received.bytes;
    let reading = tokio::task::spawn_blocking(move || {
        let read = read_path(&file, &options, &mut sink);
        let flushed = sink.shipper.flush();
        drop((dir, received, turn));
        (read, flushed, sink.foreign)
    });
    let mut writer = Arc::clone(&shared.writer);
    let shipped = ship_all(&mut writer, inbox).await;
    let (read, flushed, foreign) = reading.await.map_err(|error| {
        tracing::error!(%error, "reading a bundle ended in a panic");
        Refusal::Broken("reading the bundle failed; the gateway's own log says why".to_owned())
    })?;
    if let Some(device) = foreign {
        return Err(Refusal::NotAllowed(format!(
            "the bundle is about {device}, which the token of {} may not speak for",
            collector.name()
        )));
    }
    match shipped {
        Ok(_) => {}
        Err(patchlens_ingest::ship::ShipError::Log(error)) => return Err(log_refusal(&error)),
        Err(error) => return Err(Refusal::Busy(error.to_string(), RETRY)),
    }
    let account = read.map_err(|error| unread(&error))?;
    flushed.map_err(|error| Refusal::Busy(error.to_string(), RETRY))?;
    Ok((received_bytes, account))
}

/// Why a bundle that is here could not be read: what is wrong with it, or with this machine.
fn unread(error: &patchlens_ingest::Error) -> Refusal {
    use patchlens_ingest::Error as E;
    match error {
        E::Read { .. } | E::Spool { .. } | E::Sink { .. } => {
            tracing::error!(error = causes(error).join(": "), "cannot read an upload");
            Refusal::Busy(
                "the gateway cannot read the upload now; its own log says why".to_owned(),
                RETRY,
            )
        }
        _ => Refusal::Malformed(error.to_string()),
    }
}

/// Ends the reading of a bundle when its handler goes.
struct Cancelling(Cancel);

impl Drop for Cancelling {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// What an upload takes on disk, as long as it is there.
struct Received {
    bytes: u64,
    shared: Arc<Shared>,
}

impl Drop for Received {
    fn drop(&mut self) {
        let used = &self.shared.upload_bytes;
        used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// Streams the body to disk, within all limits.
async fn receive(
    shared: &Arc<Shared>,
    collector: &Collector,
    upload_id: &str,
    file: &Path,
    body: Body,
) -> Result<Received, Refusal> {
    let broken = |error: std::io::Error| {
        tracing::error!(%error, "cannot write an upload");
        Refusal::Busy(
            "the gateway has no room for the upload now".to_owned(),
            RETRY,
        )
    };
    let mut received = Received {
        bytes: 0,
        shared: Arc::clone(shared),
    };
    let started = Instant::now();
    let mut out = tokio::fs::File::create(file).await.map_err(broken)?;
    let mut chunks = body.into_data_stream();
    loop {
        let next = tokio::time::timeout(shared.config.body_wait, chunks.next()).await;
        let Some(chunk) = next.map_err(|_| Refusal::TooSlow)? else {
            break;
        };
        let chunk =
            chunk.map_err(|error| Refusal::Malformed(format!("the body is damaged: {error}")))?;
        let count = chunk.len() as u64;
        // Whoever trickles holds the place of others.
        let spent = started.elapsed();
        let expected = spent.as_secs().saturating_mul(BYTES_PER_SECOND_MIN);
        if spent > shared.config.body_wait && received.bytes.saturating_add(count) < expected {
            return Err(Refusal::TooSlow);
        }
        if received.bytes.saturating_add(count) > shared.config.bundle_bytes_max {
            return Err(too_large(shared.config.bundle_bytes_max));
        }
        let used = shared.upload_bytes.fetch_add(count, Ordering::AcqRel);
        received.bytes += count;
        if used.saturating_add(count) > shared.config.upload_bytes_max {
            return Err(Refusal::Busy(
                "the room for uploads is used up by others".to_owned(),
                RETRY,
            ));
        }
        shared.pressure.slow_down(collector.name(), count).await;
        out.write_all(&chunk).await.map_err(broken)?;
        let bytes = received.bytes;
        shared
            .uploads
            .update(collector.name(), upload_id, |upload| {
                upload.received_bytes = bytes;
            });
    }
    out.flush().await.map_err(broken)?;
    if received.bytes == 0 {
        return Err(Refusal::Malformed("the body is empty".to_owned()));
    }
    Ok(received)
}

fn too_large(bytes_max: u64) -> Refusal {
    Refusal::TooLarge(format!(
        "the bundle is larger than {bytes_max} bytes: raise `gateway.bundle_mib_max` if it is trusted"
    ))
}

/// A name of the client's choosing that is safe as the name of a file.
fn checked(what: &str, name: &str) -> Result<String, Refusal> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let well_formed = !last.is_empty()
        && !last.bytes().all(|byte| byte == b'.')
        && last.len() <= NAME_BYTES_MAX
        && !last
            .chars()
            .any(|c| c.is_control() || matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|'));
    if well_formed {
        Ok(last.to_owned())
    } else {
        Err(Refusal::Malformed(format!(
            "{what} is no name of a file of up to {NAME_BYTES_MAX} bytes"
        )))
    }
}

/// Lets nothing pass about devices that the collector may not speak for.
struct Checked {
    shipper: Shipper,
    collector: Collector,
    foreign: Option<String>,
}

impl Checked {
    fn check(&mut self, device: &patchlens_event::DeviceId) -> Result<(), SinkError> {
        if self.collector.speaks_for(device) {
            return Ok(());
        }
        self.foreign = Some(device.to_string());
        Err(SinkError::new("the device is not this collector's"))
    }
}

impl EventSink for Checked {
    fn event(&mut self, event: Event) -> Result<(), SinkError> {
        self.check(&event.device_id)?;
        self.shipper.event(event)
    }

    fn reject(&mut self, reject: Reject) -> Result<(), SinkError> {
        if let Some(device) = &reject.device_id {
            self.check(&device.clone())?;
        }
        self.shipper.reject(reject)
    }
}

/// Empties the directory of uploads: what is in it was never acknowledged. The directory is this
/// gateway's as long as the handle lives.
pub(crate) fn prepare(dir: &Path) -> std::io::Result<File> {
    std::fs::create_dir_all(dir)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(dir.join(LOCK_NAME))?;
    lock.try_lock().map_err(|error| {
        let detail = format!("another gateway uses it ({error}); give each a data_dir of its own");
        std::io::Error::new(std::io::ErrorKind::WouldBlock, detail)
    })?;
    let leftovers: Vec<PathBuf> = std::fs::read_dir(dir)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("upload-"))
        })
        .collect();
    for path in leftovers {
        std::fs::remove_dir_all(&path)?;
    }
    Ok(lock)
}
