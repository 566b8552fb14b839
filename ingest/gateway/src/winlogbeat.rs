//! `POST /ingest/v1/winlogbeat`: event log documents as Winlogbeat, Vector, Fluent Bit and Logstash
//! send them, in two forms.
//!
//! - Plain: documents one per line or in an array, to the endpoint itself.
//! - Bulk: what an Elasticsearch output speaks, with the endpoint as its base address. Beside
//!   `_bulk`, the few questions are answered that such a client asks before it sends anything:
//!   the version, the licence, and whether templates and policies are there.
//!
//! A document that cannot be used is kept as a reject. Its bulk item says 400, upon which clients
//! drop it: there is nothing to be gained by sending it again.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post, put};
use axum::{Json, middleware};
use patchlens_event::{DeviceId, Event, Reject, RejectReason};
use patchlens_ingest::collect::{DocumentOutcome, DocumentReader, EventSink, SinkError};
use serde_json::{Value, json};

use crate::access::Collector;
use crate::answer::{EventsAnswer, PROBLEMS_MAX, Problem, Refusal};
use crate::events::Batch;
use crate::server::Shared;
use crate::token::Scope;

/// What stands as the file in evidence.
const ORIGIN: &str = "winlogbeat";
/// The version that is stated to a client that does not state its own.
const VERSION: &str = "8.15.0";

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
        .route(&at("/_template/{*name}"), any(present))
        .route(&at("/_index_template/{*name}"), any(present))
        .route(&at("/_component_template/{*name}"), any(present))
        .route(&at("/_ilm/policy/{*name}"), any(present))
        .route(&at("/_data_stream/{*name}"), any(present))
        .route(&at("/_ingest/pipeline/{*name}"), put(present).get(present))
        .layer(middleware::map_response(product))
}

/// Elastic's own clients go on only when the server says that it is one of theirs.
async fn product(mut response: Response) -> Response {
    response.headers_mut().insert(
        HeaderName::from_static("x-elastic-product"),
        HeaderValue::from_static("Elasticsearch"),
    );
    response
}

async fn handshake(
    State(shared): State<Arc<Shared>>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    shared.admit(&headers, Scope::Winlogbeat)?;
    if method == Method::HEAD {
        return Ok(().into_response());
    }
    Ok(Json(json!({
        "name": "patchlens-gateway",
        "cluster_name": "patchlens",
        "cluster_uuid": "patchlens-gateway-000",
        "version": {
            "number": client_version(&headers),
            "build_flavor": "default",
            "build_type": "patchlens",
            "lucene_version": "9.11.1",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0"
        },
        "tagline": "You Know, for Search"
    }))
    .into_response())
}

/// A Beat refuses a server that is older than itself, so it is told its own version:
/// `Elastic-Winlogbeat/8.17.1 (windows; …)`.
fn client_version(headers: &HeaderMap) -> String {
    let stated = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .filter(|agent| agent.to_ascii_lowercase().contains("beat/"))
        .and_then(|agent| agent.split('/').nth(1)?.split([' ', '+', '-']).next());
    let is_version = |text: &&str| {
        text.split('.').count() == 3 && text.split('.').all(|part| part.parse::<u16>().is_ok())
    };
    stated.filter(is_version).unwrap_or(VERSION).to_owned()
}

async fn license(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    shared.admit(&headers, Scope::Winlogbeat)?;
    let license = json!({
        "uid": "patchlens-gateway-000", "type": "basic", "mode": "basic", "status": "active"
    });
    Ok(Json(json!({"license": license, "features": {}})))
}

async fn health(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    shared.admit(&headers, Scope::Winlogbeat)?;
    Ok(Json(
        json!({"cluster_name": "patchlens", "status": "green", "timed_out": false, "number_of_nodes": 1}),
    ))
}

/// Templates and policies mean nothing here: they are there, and may be written, without effect.
async fn present(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    shared.admit(&headers, Scope::Winlogbeat)?;
    Ok(Json(json!({"acknowledged": true})))
}

async fn body(shared: &Shared, request: Request) -> Result<(Collector, Body), Refusal> {
    let collector = shared.admit(request.headers(), Scope::Winlogbeat)?;
    shared.pressure.request(collector.name())?;
    let (parts, body) = request.into_parts();
    let body = shared
        .pressure
        .read(collector.name(), &shared.config, &parts.headers, body)
        .await?;
    shared.metrics.bytes("winlogbeat", body.0.len() as u64);
    Ok((collector, body))
}

/// The bytes, and the permit that stands for their memory.
type Body = (Vec<u8>, tokio::sync::OwnedSemaphorePermit);

async fn plain(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Json<EventsAnswer>, Refusal> {
    let (collector, (bytes, _memory)) = body(&shared, request).await?;
    let mut options = shared.config.collect.clone();
    options.collected_at = (shared.config.now)();
    let mut batch = Batch::new(&shared, &collector);
    let mut answer = EventsAnswer::default();
    let mut refused = Vec::new();
    DocumentReader::new(&options, ORIGIN)
        .read_body(
            &bytes,
            &|device| collector.speaks_for(device),
            &mut Sink(&mut batch),
            &mut |line, byte_offset, outcome| {
                answer.lines += 1;
                match outcome {
                    DocumentOutcome::Sent(_) => answer.events += 1,
                    DocumentOutcome::Refused(reason, detail) => {
                        refused.push((line, byte_offset, reason, detail));
                    }
                }
            },
        )
        .map_err(|error| Refusal::Broken(error.to_string()))?;
    for (line, byte_offset, reason, detail) in refused {
        answer.rejected += 1;
        if answer.problems.len() < PROBLEMS_MAX {
            answer.problems.push(Problem {
                line,
                reason: reason.as_str().to_owned(),
                detail: detail.clone(),
            });
        }
        let from = usize::try_from(byte_offset).unwrap_or(usize::MAX);
        let raw = bytes.get(from..).unwrap_or_default();
        let raw = raw.split(|byte| *byte == b'\n').next().unwrap_or_default();
        batch.reject((line, byte_offset), raw, reason, detail)?;
    }
    batch.append(&shared.writer).await?;
    shared.metrics.events("winlogbeat", answer.events);
    Ok(Json(answer))
}

async fn bulk(State(shared): State<Arc<Shared>>, request: Request) -> Result<Json<Value>, Refusal> {
    let started = std::time::Instant::now();
    let (collector, (bytes, _memory)) = body(&shared, request).await?;
    let mut options = shared.config.collect.clone();
    options.collected_at = (shared.config.now)();
    let speaks_for = |device: &DeviceId| collector.speaks_for(device);
    let mut reader = DocumentReader::new(&options, ORIGIN);
    let mut batch = Batch::new(&shared, &collector);
    let mut items = Vec::new();
    let mut events = 0;
    let mut has_errors = false;
    for item in Items::new(&bytes) {
        let outcome = match item.document {
            Some(document) => reader
                .read(item.place, document, &speaks_for, &mut Sink(&mut batch))
                .map_err(|error| Refusal::Broken(error.to_string()))?,
            None => DocumentOutcome::Refused(RejectReason::Malformed, item.problem.to_owned()),
        };
        let answer = match outcome {
            DocumentOutcome::Sent(_) => {
                events += 1;
                json!({"_index": item.index, "status": 201, "result": "created"})
            }
            DocumentOutcome::Refused(reason, detail) => {
                has_errors = true;
                let raw = item.document.unwrap_or(item.action);
                let error = json!({"type": "document_parsing_exception", "reason": format!("{detail}; kept as a reject")});
                batch.reject(item.place, raw, reason, detail)?;
                json!({"_index": item.index, "status": 400, "error": error})
            }
        };
        items.push(json!({ item.operation: answer }));
    }
    batch.append(&shared.writer).await?;
    shared.metrics.events("winlogbeat", events);
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Json(
        json!({"took": took, "errors": has_errors, "items": items}),
    ))
}

/// One action of a bulk request, with its document.
struct Item<'a> {
    operation: &'static str,
    index: String,
    /// Line and byte offset of the document, or of the action that has none.
    place: (u64, u64),
    action: &'a [u8],
    document: Option<&'a [u8]>,
    problem: &'static str,
}

/// The actions of a bulk request.
struct Items<'a> {
    rest: &'a [u8],
    line: u64,
    offset: u64,
}

impl<'a> Items<'a> {
    fn new(body: &'a [u8]) -> Self {
        Self {
            rest: body,
            line: 0,
            offset: 0,
        }
    }

    /// The next line that is not empty, and its place.
    fn line(&mut self) -> Option<((u64, u64), &'a [u8])> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|byte| *byte == b'\n');
            let (line, rest) = match end {
                Some(end) => (self.rest.get(..end)?, self.rest.get(end + 1..)?),
                None => (self.rest, [].as_slice()),
            };
            self.line += 1;
            let place = (self.line, self.offset);
            self.offset += (self.rest.len() - rest.len()) as u64;
            self.rest = rest;
            let line = line.trim_ascii();
            if !line.is_empty() {
                return Some((place, line));
            }
        }
        None
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let (place, line) = self.line()?;
        let mut item = Item {
            operation: "create",
            index: String::new(),
            place,
            action: line,
            document: None,
            problem: "the action has no document behind it",
        };
        match action(line) {
            // A document without an action before it: somebody sends plain lines here.
            None => item.document = Some(line),
            Some((operation @ ("create" | "index"), index)) => {
                (item.operation, item.index) = (operation, index);
                if let Some((place, document)) = self.line() {
                    (item.place, item.document) = (place, Some(document));
                }
            }
            Some((operation, index)) => {
                (item.operation, item.index) = (operation, index);
                item.problem = "only create and index are taken: events are never changed";
                if operation == "update" {
                    self.line();
                }
            }
        }
        Some(item)
    }
}

/// The operation and index of an action line.
fn action(line: &[u8]) -> Option<(&'static str, String)> {
    let value: Value = serde_json::from_slice(line).ok()?;
    let members = value.as_object().filter(|members| members.len() == 1)?;
    let (name, target) = members.iter().next()?;
    let operation = ["create", "index", "update", "delete"]
        .into_iter()
        .find(|known| known == name)?;
    let index = target.as_object()?.get("_index").and_then(Value::as_str);
    Some((operation, index.unwrap_or_default().to_owned()))
}

/// Puts events into the batch.
struct Sink<'a, 'b>(&'a mut Batch<'b>);

impl EventSink for Sink<'_, '_> {
    fn event(&mut self, event: Event) -> Result<(), SinkError> {
        self.0
            .event(&event)
            .map_err(|error| SinkError::new(error.to_string()))
    }

    fn reject(&mut self, reject: Reject) -> Result<(), SinkError> {
        // Documents are refused by their outcome, not here.
        Err(SinkError::new(reject.detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_lines_are_paired_whatever_is_wrong_with_some() {
        let body = b"{\"create\":{\"_index\":\"w\"}}\n{\"a\":1}\n\n{\"b\":2}\n{\"delete\":{\"_id\":\"1\"}}\n{\"index\":{}}\n{\"c\":3}\n{\"create\":{}}\n";
        let items: Vec<_> = Items::new(body)
            .map(|item| {
                let document = item
                    .document
                    .map(|document| String::from_utf8_lossy(document).into_owned());
                (item.operation, item.place.0, document)
            })
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            items,
            [
                ("create", 2, some("{\"a\":1}")),
                ("create", 4, some("{\"b\":2}")),
                ("delete", 5, None),
                ("index", 7, some("{\"c\":3}")),
                ("create", 8, None),
            ]
        );
    }

    #[test]
    fn a_beat_is_told_its_own_version() {
        for (agent, version) in [
            (
                "Elastic-Winlogbeat/8.17.1 (windows; amd64; abc; 2025-01-01)",
                "8.17.1",
            ),
            ("Elastic-winlogbeat/9.1.0-SNAPSHOT (windows)", "9.1.0"),
            ("Vector/0.50.0", VERSION),
            ("winlogbeat/x", VERSION),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, agent.parse().unwrap());
            assert_eq!(client_version(&headers), version, "{agent}");
        }
    }
}
