//! ClickHouse's HTTP interface over the embedded engine.
//!
//! What a client of a server may rely on: `GET`/`POST /` with the query in the URL, the body or form
//! fields, `param_x`, settings as URL parameters, sessions, compression both ways, exception codes
//! as headers and status, `/ping` and `/replicas_status`; two users, see [`super::access`]. Not here:
//! other users, external tables, progress headers, `KILL QUERY` by `query_id`.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::embedded::access::{Access, Role};
use crate::embedded::analyst;
use crate::embedded::body;
use crate::embedded::core::{Core, Job};
use crate::embedded::execute;
use crate::embedded::failure::{
    AUTHENTICATION_FAILED, Failure, NOT_IMPLEMENTED, TOO_LARGE, TOO_MANY_SIMULTANEOUS_QUERIES,
};
use crate::embedded::form;
use crate::embedded::output::{Head, PIECES_WAITING_MAX, Reply};
use crate::embedded::request::Request;

/// The largest body, as it arrives. Inserts are streamed: this bounds a mistake, not the memory.
const BODY_BYTES_MAX: u64 = 4 << 30;
/// The largest form field; a form is held in memory.
const FORM_BYTES_MAX: usize = 16 << 20;
/// How long a request may wait for a free engine thread before it is told to come again.
const QUEUE_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long an analyst's statement may wait for its turn, and how long it may take to arrive.
const ANALYST_WAIT_MAX: Duration = Duration::from_secs(10);
/// Statements of analysts that may wait.
const ANALYSTS_WAITING_MAX: usize = 32;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Interface {
    pub(crate) core: Arc<Core>,
    pub(crate) jobs: mpsc::Sender<Job>,
    pub(crate) access: Access,
    pub(crate) analysts: Analysts,
    /// Only this machine can reach the interface.
    pub(crate) is_local: bool,
    pub(crate) requests: Arc<AtomicU64>,
    /// Makes query ids differ from one start to the next.
    pub(crate) started: u64,
}

/// How many analysts are let in at a time, so that the program's own work always finds free threads.
#[derive(Clone)]
pub(crate) struct Analysts {
    /// Statements that run.
    running: Arc<Semaphore>,
    /// Statements that run or wait: what bounds the memory of waiting.
    present: Arc<Semaphore>,
}

impl Analysts {
    pub(crate) fn new(statements: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(statements.max(1))),
            present: Arc::new(Semaphore::new(statements.max(1) + ANALYSTS_WAITING_MAX)),
        }
    }
}

/// Returns the routes.
pub(crate) fn router(interface: Interface) -> Router {
    Router::new()
        .route("/", get(query).post(query))
        .route("/ping", get(|| async { "Ok.\n" }))
        .route("/replicas_status", get(|| async { "Ok.\n" }))
        .fallback(|uri: axum::http::Uri| async move {
            (StatusCode::NOT_FOUND, format!("There is no handle {}\n\nUse / or /ping for health checks.\nSend queries from your program with POST method or GET /?query=...\n", uri.path()))
        })
        .layer(DefaultBodyLimit::disable())
        .with_state(interface)
}

async fn query(
    State(interface): State<Interface>,
    method: Method,
    headers: HeaderMap,
    RawQuery(url_query): RawQuery,
    request: axum::extract::Request,
) -> Response {
    let number = interface.requests.fetch_add(1, Ordering::Relaxed);
    let fresh_id = format!("{:016x}-{number:08x}", interface.started);
    let pairs = form::parse_query(url_query.as_deref().unwrap_or_default());
    let is_read_only = method != Method::POST;
    if is_read_only && pairs.iter().all(|(name, _)| name != "query") {
        return "Ok.\n".into_response();
    }
    match handle(
        &interface,
        pairs,
        &headers,
        is_read_only,
        fresh_id.clone(),
        request,
    )
    .await
    {
        Ok(response) => response,
        Err(failure) => error_response(&interface, &failure, &fresh_id),
    }
}

async fn handle(
    interface: &Interface,
    mut pairs: Vec<(String, String)>,
    headers: &HeaderMap,
    is_read_only: bool,
    fresh_id: String,
    request: axum::extract::Request,
) -> Result<Response, Failure> {
    refuse_foreign_pages(interface, headers)?;
    let body = if is_form(headers) {
        pairs.extend(form_fields(request).await?);
        Body::empty()
    } else {
        request.into_body()
    };
    let mut request = Request::new(pairs, headers, is_read_only, fresh_id)?;
    request.role = interface.access.role(&request)?;
    let (admission, body) = match request.role {
        Role::Writer => (None, body),
        Role::Analyst => {
            let (admission, statement) = admit_analyst(interface, body).await?;
            (Some(admission), statement)
        }
    };
    let (query_id, core) = (request.query_id.clone(), Arc::clone(&interface.core));
    let (head_sender, head) = oneshot::channel();
    let (piece_sender, pieces) = mpsc::channel(PIECES_WAITING_MAX);
    let reply = Reply {
        head: head_sender,
        pieces: piece_sender,
        runtime: Handle::current(),
    };
    let body = body::receive(body, BODY_BYTES_MAX);
    let job: Job = Box::new(move |core| {
        // Its client may have left while it waited: nobody wants it any more.
        if !reply.head.is_closed() {
            execute::execute(core, &request, body, reply);
        }
        drop(admission);
    });
    let busy = |_| {
        Failure::new(
            TOO_MANY_SIMULTANEOUS_QUERIES,
            "TOO_MANY_SIMULTANEOUS_QUERIES",
            "all engine threads are taken and the queue is full: try again later",
        )
    };
    interface
        .jobs
        .send_timeout(job, QUEUE_WAIT_MAX)
        .await
        .map_err(busy)?;
    let head = head
        .await
        .map_err(|_| Failure::new(49, "LOGICAL_ERROR", "the query ended without an answer"))?;
    Ok(response(&core, &head, &query_id, pieces))
}

/// Keeps web pages of other sites from talking to a local engine through the browser of whoever
/// runs it: a page's own requests carry its origin, and a rebound name stands in `Host`.
fn refuse_foreign_pages(interface: &Interface, headers: &HeaderMap) -> Result<(), Failure> {
    let text = |name: HeaderName| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("?").to_owned())
    };
    let origin_is_foreign = text(header::ORIGIN).is_some_and(|origin| {
        origin == "null" || !is_loopback_name(origin.split("://").nth(1).unwrap_or(&origin))
    });
    let host_is_foreign =
        interface.is_local && text(header::HOST).is_some_and(|host| !is_loopback_name(&host));
    if origin_is_foreign || host_is_foreign {
        return Err(Failure::new(
            AUTHENTICATION_FAILED,
            "AUTHENTICATION_FAILED",
            "requests from web pages of other origins are refused",
        ));
    }
    Ok(())
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Receives an analyst's whole statement, which is small, and then waits for its turn: who sends slowly keeps no
/// place of others.
async fn admit_analyst(
    interface: &Interface,
    body: Body,
) -> Result<([OwnedSemaphorePermit; 2], Body), Failure> {
    let busy = |what| {
        Failure::new(
            TOO_MANY_SIMULTANEOUS_QUERIES,
            "TOO_MANY_SIMULTANEOUS_QUERIES",
            what,
        )
    };
    let present = Arc::clone(&interface.analysts.present)
        .try_acquire_owned()
        .map_err(|_| busy("too many statements of analysts wait: try again later"))?;
    // A compressed statement is not larger than a plain one may be.
    let received = axum::body::to_bytes(body, analyst::STATEMENT_BYTES_MAX + 1024);
    let statement = tokio::time::timeout(ANALYST_WAIT_MAX, received)
        .await
        .map_err(|_| Failure::new(209, "SOCKET_TIMEOUT", "the statement did not arrive within 10 s"))?
        .map_err(|error| {
            Failure::new(
                TOO_LARGE,
                "TOO_LARGE_STRING_SIZE",
                &format!("cannot read the statement, which may have 256 KiB; analysts insert nothing: {error}"),
            )
        })?;
    let waiting = Arc::clone(&interface.analysts.running).acquire_owned();
    let running = tokio::time::timeout(ANALYST_WAIT_MAX, waiting)
        .await
        .ok()
        .and_then(Result::ok)
        .ok_or_else(|| busy("as many statements of analysts run as may: try again later"))?;
    Ok(([present, running], statement.into()))
}

fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("multipart/form-data"))
}

/// Reads form fields, which mean the same as URL parameters.
async fn form_fields(request: axum::extract::Request) -> Result<Vec<(String, String)>, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::new(
            36,
            "BAD_ARGUMENTS",
            &format!("cannot read the form: {error}"),
        )
    };
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| unreadable(&error))?;
    let (mut fields, mut bytes) = (Vec::new(), 0usize);
    while let Some(mut field) = form
        .next_field()
        .await
        .map_err(|error| unreadable(&error))?
    {
        if field.file_name().is_some() {
            return Err(Failure::new(
                NOT_IMPLEMENTED,
                "NOT_IMPLEMENTED",
                "external tables are not supported by the embedded engine",
            ));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let mut value = Vec::new();
        while let Some(piece) = field.chunk().await.map_err(|error| unreadable(&error))? {
            bytes = bytes.saturating_add(piece.len());
            if bytes > FORM_BYTES_MAX {
                return Err(Failure::new(
                    TOO_LARGE,
                    "TOO_LARGE_STRING_SIZE",
                    "the form is larger than 16 MiB",
                ));
            }
            value.extend_from_slice(&piece);
        }
        fields.push((
            name,
            String::from_utf8(value).map_err(|error| unreadable(&error))?,
        ));
    }
    Ok(fields)
}

fn response(
    core: &Core,
    head: &Head,
    query_id: &str,
    pieces: mpsc::Receiver<io::Result<axum::body::Bytes>>,
) -> Response {
    let stream = futures::stream::unfold(pieces, |mut pieces| async move {
        let piece = pieces.recv().await?;
        if piece.is_err() {
            // Lets the connection flush what was written before it is broken off.
            tokio::task::yield_now().await;
        }
        Some((piece, pieces))
    });
    let mut response = Response::new(Body::from_stream(stream));
    *response.status_mut() = head.status;
    let headers = response.headers_mut();
    common_headers(core, headers, query_id);
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(
        "content-type",
        if head.exception_code.is_some() {
            "text/plain; charset=UTF-8"
        } else {
            content_type(&head.format)
        },
    );
    set("x-clickhouse-format", &head.format);
    set("x-clickhouse-summary", &summary(head));
    if let Some(encoding) = head.encoding.header() {
        set("content-encoding", encoding);
        set("vary", "Accept-Encoding");
    }
    if let Some(code) = head.exception_code {
        set("x-clickhouse-exception-code", &code.to_string());
    }
    if let Some(tag) = &head.exception_tag {
        set("x-clickhouse-exception-tag", tag);
    }
    response
}

/// Answers what failed before it reached an engine thread.
fn error_response(interface: &Interface, failure: &Failure, query_id: &str) -> Response {
    let mut response = (
        failure.status(),
        format!(
            "{} (version {})\n",
            failure.message,
            interface.core.version_text()
        ),
    )
        .into_response();
    common_headers(&interface.core, response.headers_mut(), query_id);
    response.headers_mut().insert(
        "x-clickhouse-exception-code",
        HeaderValue::from(failure.code),
    );
    response
}

fn common_headers(core: &Core, headers: &mut HeaderMap, query_id: &str) {
    headers.insert(
        "x-clickhouse-server-display-name",
        HeaderValue::from_static("patchlens"),
    );
    headers.insert("x-clickhouse-timezone", HeaderValue::from_static("UTC"));
    if let Ok(value) = HeaderValue::from_str(query_id) {
        headers.insert("x-clickhouse-query-id", value);
    }
    if let Ok(value) = HeaderValue::from_str(&core.server_version) {
        headers.insert("x-clickhouse-server-version", value);
    }
}

fn summary(head: &Head) -> String {
    let counts = head.counts;
    serde_json::json!({
        "read_rows": counts.rows_read.to_string(),
        "read_bytes": counts.bytes_read.to_string(),
        "written_rows": counts.rows_written.to_string(),
        "written_bytes": counts.bytes_written.to_string(),
        "total_rows_to_read": counts.rows_read.to_string(),
        "result_rows": counts.rows_result.to_string(),
        "result_bytes": "0",
        "elapsed_ns": Duration::try_from_secs_f64(counts.elapsed_seconds).unwrap_or_default().as_nanos().to_string(),
    })
    .to_string()
}

fn content_type(format: &str) -> &'static str {
    let lower = format.to_ascii_lowercase();
    match lower.as_str() {
        "json"
        | "jsoncompact"
        | "jsonstrings"
        | "jsoncompactstrings"
        | "jsoncolumns"
        | "jsoncompactcolumns"
        | "jsoncolumnswithmetadata" => "application/json; charset=UTF-8",
        "xml" => "application/xml; charset=UTF-8",
        "markdown" => "text/markdown; charset=UTF-8",
        "arrowstream" | "arrow" | "parquet" | "native" => "application/octet-stream",
        "csv" => "text/csv; charset=UTF-8; header=absent",
        _ if lower.starts_with("csvwithnames") => "text/csv; charset=UTF-8; header=present",
        _ if lower.starts_with("json") || lower == "ndjson" => {
            "application/x-ndjson; charset=UTF-8"
        }
        _ if lower.starts_with("rowbinary") => "application/octet-stream",
        _ if lower.starts_with("pretty") || lower == "vertical" => "text/plain; charset=UTF-8",
        _ => "text/tab-separated-values; charset=UTF-8",
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback_name;

    #[test]
    fn only_this_machine_s_names_are_local() {
        for (host, local) in [
            ("127.0.0.1:8123", true),
            ("localhost", true),
            ("[::1]:8123", true),
            ("127.0.0.2", true),
            ("example.org", false),
            ("127.0.0.1.example.org:8123", false),
            ("10.0.0.1", false),
            ("", false),
            ("localhost.example", false),
        ] {
            assert_eq!(is_loopback_name(host), local, "{host}");
        }
    }
}
