//! `POST /ingest/v1/winlogbeat`: event log documents as Winlogbeat, Vector, Fluent Bit and Logstash
//! send them, in two forms.
//!
//! - Plain: documents one per line or in an array, to the endpoint itself.
//! - Bulk: what an Elasticsearch output speaks, with the endpoint as its base address; also one
//!   document at a time, as rsyslog does when nobody tells it otherwise. The few questions are
//!   answered that such a client asks before it sends anything: the version, the licence, and
//!   whether templates and policies are there.
//!
//! A document that cannot be used is kept as a reject. Its bulk item says 400, upon which clients
//! drop it: there is nothing to be gained by sending it again.
//!
//! A request that is refused as a whole is answered with plain text, never with JSON and never with
//! nothing: rsyslog's omelasticsearch 8.2302 looks at no status, takes both for a final word, and
//! lets the events go. What it cannot parse it sends again.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::routing::{any, get, post, put};
use axum::{Json, middleware};
use patchlens_event::{DeviceId, Event, Reject, RejectReason};
use patchlens_ingest::collect::{
    CollectOptions, DocumentOutcome, DocumentReader, EventSink, SinkError,
};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::access::Collector;
use crate::answer::EventsAnswer;
use crate::events::{Batch, Taken, off_the_runtime};
use crate::pressure::Room;
use crate::refusal::{PlainRefusal, Refusal};
use crate::server::Shared;
use crate::token::Scope;

mod actions;
mod questions;

use actions::Items;
use questions::{cat_health, handshake, health, license, present, product};

/// What stands as the file in evidence.
const ORIGIN: &str = "winlogbeat";

/// How long a refused request is held before it is answered.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) fn routes() -> Router<Arc<Shared>> {
    let base = "/ingest/v1/winlogbeat";
    let at = |path: &str| format!("{base}{path}");
    Router::new()
        .route(base, post(plain).get(handshake).head(handshake))
        .route(&at("/"), post(plain).get(handshake).head(handshake))
        .route(&at("/_bulk"), post(bulk).put(bulk))
        .route(&at("/{index}/_bulk"), post(bulk).put(bulk))
        .route(&at("/_license"), get(license))
        .route(&at("/_xpack"), get(license))
        .route(&at("/_cluster/health"), get(health))
        .route(&at("/_cat/health"), get(cat_health))
        .route(&at("/_template/{*name}"), any(present))
        .route(&at("/_index_template/{*name}"), any(present))
        .route(&at("/_component_template/{*name}"), any(present))
        .route(&at("/_ilm/policy/{*name}"), any(present))
        .route(&at("/_alias/{*name}"), any(present))
        .route(&at("/_data_stream/{*name}"), any(present))
        .route(&at("/_ingest/pipeline/{*name}"), put(present).get(present))
        .route(&at("/{index}"), any(elsewhere))
        .route(
            &at("/{index}/{kind}"),
            post(single).put(single).fallback(elsewhere),
        )
        .route(
            &at("/{index}/{kind}/{id}"),
            post(single).put(single).fallback(elsewhere),
        )
        .layer(middleware::map_response(product))
}

async fn body(shared: &Shared, request: Request) -> Result<(Collector, Body), Refusal> {
    let collector = shared.admit(request.headers(), Scope::Winlogbeat)?;
    shared.pressure.request(collector.name())?;
    let (parts, body) = request.into_parts();
    let body = shared
        .pressure
        .read(collector.name(), &shared.config, &parts, body)
        .await?;
    shared.metrics.bytes("winlogbeat", body.0.len() as u64);
    Ok((collector, body))
}

/// The bytes, and what stands for their memory.
type Body = (Vec<u8>, Room);

async fn plain(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Json<EventsAnswer>, Refusal> {
    let (collector, (bytes, room)) = body(&shared, request).await?;
    let working = Arc::clone(&shared);
    let (taken, answer, _room) = off_the_runtime(move || {
        let (taken, answer) = read_plain(&working, &collector, &bytes)?;
        Ok((taken, answer, room))
    })
    .await?;
    taken.append(&shared).await?;
    shared.metrics.events("winlogbeat", answer.events);
    Ok(Json(answer))
}

fn read_plain(
    shared: &Shared,
    collector: &Collector,
    bytes: &[u8],
) -> Result<(Taken, EventsAnswer), Refusal> {
    let options = options(shared);
    let batch = RefCell::new(Batch::new(shared, collector));
    let mut answer = EventsAnswer::default();
    let mut failure = None;
    DocumentReader::new(&options, ORIGIN)
        .read_body(
            bytes,
            &|device| collector.speaks_for(device),
            &mut Sink(&batch),
            &mut |line, byte_offset, outcome| {
                answer.lines += 1;
                let (reason, detail) = match outcome {
                    DocumentOutcome::Sent(_) => {
                        answer.events += 1;
                        return true;
                    }
                    DocumentOutcome::Refused(reason, detail) => (reason, detail),
                };
                let from = usize::try_from(byte_offset).unwrap_or(usize::MAX);
                let raw = bytes.get(from..).unwrap_or_default();
                let raw = raw.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let mut batch = batch.borrow_mut();
                match batch.reject((line, byte_offset), raw, reason, &detail) {
                    Ok(reason) => answer.problem(line, reason, detail),
                    Err(refusal) => failure = Some(refusal),
                }
                failure.is_none()
            },
        )
        .map_err(|error| Refusal::Broken(error.to_string()))?;
    if let Some(refusal) = failure {
        return Err(refusal);
    }
    let mut batch = batch.into_inner();
    // Brackets alone, or what only begins like documents: an empty array is one, and empty.
    let holds_nothing = answer.lines == 0 && !bytes.trim_ascii().is_empty();
    if holds_nothing && serde_json::from_slice::<[IgnoredAny; 0]>(bytes).is_err() {
        let detail = "the body holds no JSON document".to_owned();
        answer.lines = 1;
        let reason = batch.reject((1, 0), bytes, RejectReason::Malformed, &detail)?;
        answer.problem(1, reason, detail);
    }
    Ok((batch.finish(), answer))
}

async fn bulk(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Json<Value>, PlainRefusal> {
    match take_bulk(&shared, request).await {
        Ok(answer) => Ok(answer),
        Err(refusal) => Err(after_a_pause(refusal).await),
    }
}

/// Refuses slowly. Clients that look at no status know no Retry-After either: rsyslog comes back at
/// once, each time with one copy more of what was refused.
async fn after_a_pause(refusal: Refusal) -> PlainRefusal {
    tokio::time::sleep(PAUSE).await;
    refusal.into()
}

async fn take_bulk(shared: &Arc<Shared>, request: Request) -> Result<Json<Value>, Refusal> {
    let started = std::time::Instant::now();
    let (collector, (bytes, room)) = body(shared, request).await?;
    let working = Arc::clone(shared);
    let (taken, items, _room) = off_the_runtime(move || {
        let (taken, items) = read_bulk(&working, &collector, &bytes)?;
        Ok((taken, items, room))
    })
    .await?;
    taken.append(shared).await?;
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Json(
        json!({"took": took, "errors": items.has_errors, "items": items.answers}),
    ))
}

/// What is answered about the items of a bulk request, in their order.
struct ItemAnswers {
    answers: Vec<Value>,
    has_errors: bool,
}

fn read_bulk(
    shared: &Shared,
    collector: &Collector,
    bytes: &[u8],
) -> Result<(TakenDocuments, ItemAnswers), Refusal> {
    let options = options(shared);
    let mut documents = Documents::new(shared, collector, &options);
    let mut items = ItemAnswers {
        answers: Vec::new(),
        has_errors: false,
    };
    for item in Items::new(bytes) {
        let became = match item.document {
            Some(document) => documents.take(item.place, document)?,
            None => Err((RejectReason::Malformed, item.problem.to_owned())),
        };
        let answer = match became {
            Ok(()) => json!({"_index": item.index, "status": 201, "result": "created"}),
            Err((reason, detail)) => {
                items.has_errors = true;
                let raw = item.document.unwrap_or(item.action);
                documents.reject(item.place, raw, reason, &detail)?;
                json!({"_index": item.index, "status": 400, "error": unusable(&detail)})
            }
        };
        items.answers.push(json!({ item.operation: answer }));
    }
    Ok((documents.finish(), items))
}

/// One document, as the index API takes it: `POST {index}/_doc`, `PUT {index}/_create/{id}`, or a
/// type's name in the place of `_doc`.
async fn single(
    State(shared): State<Arc<Shared>>,
    Path(path): Path<Vec<String>>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), PlainRefusal> {
    let index = path.first().cloned().unwrap_or_default();
    let kind = path.get(1).map_or("", String::as_str);
    if kind.starts_with('_') && !["_doc", "_create"].contains(&kind) {
        return Err(not_here(&kind).into());
    }
    match take_single(&shared, &index, request).await {
        Ok(answer) => Ok(answer),
        Err(refusal) => Err(after_a_pause(refusal).await),
    }
}

async fn take_single(
    shared: &Arc<Shared>,
    index: &str,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let (collector, (bytes, room)) = body(shared, request).await?;
    let working = Arc::clone(shared);
    let (taken, became, _room) = off_the_runtime(move || {
        let options = options(&working);
        let mut documents = Documents::new(&working, &collector, &options);
        let became = documents.take((1, 0), &bytes)?;
        if let Err((reason, detail)) = &became {
            documents.reject((1, 0), &bytes, *reason, detail)?;
        }
        Ok((documents.finish(), became, room))
    })
    .await?;
    taken.append(shared).await?;
    Ok(match became {
        Ok(()) => (
            StatusCode::CREATED,
            Json(json!({"_index": index, "result": "created"})),
        ),
        Err((_, detail)) => (
            StatusCode::BAD_REQUEST,
            Json(json!({"error": unusable(&detail), "status": 400})),
        ),
    })
}

/// What is said about a document that cannot be used, in Elasticsearch's form.
fn unusable(detail: &str) -> Value {
    json!({"type": "document_parsing_exception", "reason": format!("{detail}; kept as a reject")})
}

async fn elsewhere(method: Method, address: Uri) -> PlainRefusal {
    not_here(&format_args!("{method} {}", address.path())).into()
}

fn not_here(what: &dyn std::fmt::Display) -> Refusal {
    Refusal::Unknown(format!(
        "{what} is nothing that the gateway takes: of Elasticsearch it speaks `_bulk` and `{{index}}/_doc`"
    ))
}

/// The documents of one request, and the messages that they become.
struct Documents<'a> {
    collector: &'a Collector,
    reader: DocumentReader<'a>,
    batch: RefCell<Batch<'a>>,
    document_bytes_max: usize,
    events: u64,
}

/// What the documents of one request became.
struct TakenDocuments {
    taken: Taken,
    events: u64,
}

impl TakenDocuments {
    /// Makes everything durable.
    async fn append(self, shared: &Shared) -> Result<(), Refusal> {
        self.taken.append(shared).await?;
        shared.metrics.events("winlogbeat", self.events);
        Ok(())
    }
}

impl<'a> Documents<'a> {
    fn new(shared: &'a Shared, collector: &'a Collector, options: &'a CollectOptions) -> Self {
        Self {
            collector,
            reader: DocumentReader::new(options, ORIGIN),
            batch: RefCell::new(Batch::new(shared, collector)),
            document_bytes_max: options.limits.document_bytes_max,
            events: 0,
        }
    }

    /// Takes one document, or says why it cannot be used.
    fn take(
        &mut self,
        place: (u64, u64),
        document: &[u8],
    ) -> Result<Result<(), (RejectReason, String)>, Refusal> {
        if document.len() > self.document_bytes_max {
            let detail = format!(
                "the document is longer than {} bytes",
                self.document_bytes_max
            );
            return Ok(Err((RejectReason::LimitExceeded, detail)));
        }
        let speaks_for = |device: &DeviceId| self.collector.speaks_for(device);
        let outcome = self
            .reader
            .read(place, document, &speaks_for, &mut Sink(&self.batch))
            .map_err(|error| Refusal::Broken(error.to_string()))?;
        Ok(match outcome {
            DocumentOutcome::Sent(_) => {
                self.events += 1;
                Ok(())
            }
            DocumentOutcome::Refused(reason, detail) => Err((reason, detail)),
        })
    }

    /// Keeps one that cannot be used.
    fn reject(
        &mut self,
        place: (u64, u64),
        raw: &[u8],
        reason: RejectReason,
        detail: &str,
    ) -> Result<(), Refusal> {
        let batch = self.batch.get_mut();
        batch.reject(place, raw, reason, detail).map(drop)
    }

    fn finish(self) -> TakenDocuments {
        TakenDocuments {
            taken: self.batch.into_inner().finish(),
            events: self.events,
        }
    }
}

/// How documents that arrive now are read.
fn options(shared: &Shared) -> CollectOptions {
    let mut options = shared.config.collect.clone();
    options.collected_at = (shared.config.now)();
    options
}

/// Puts events into the batch.
struct Sink<'a, 'b>(&'a RefCell<Batch<'b>>);

impl EventSink for Sink<'_, '_> {
    fn event(&mut self, event: Event) -> Result<(), SinkError> {
        self.0
            .borrow_mut()
            .event(&event)
            .map_err(|error| SinkError::new(error.to_string()))
    }

    fn reject(&mut self, reject: Reject) -> Result<(), SinkError> {
        // Documents are refused by their outcome, not here.
        Err(SinkError::new(reject.detail))
    }
}
