//! `GET /upload`, `POST /upload` and `GET /upload/{id}`: hand a bundle in, watch it, land on its diagnosis.
//!
//! Without JavaScript the form is sent as any form and the following page reloads itself; with it the bundle is
//! dropped on the page and its bytes are counted on their way.

use askama::Template;
use axum::Json;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::http::header::{ACCEPT, HOST, LOCATION, ORIGIN, REFRESH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use crate::answer;
use crate::error::{Error, Result, What};
use crate::frame::{Frame, Theme};
use crate::i18n;
use crate::server::App;
use crate::upload::receive::{Refused, receive};
use crate::upload::{Upload, Uploads};

/// `GET /upload`.
pub(crate) async fn page(State(app): State<App>, frame: Frame) -> Response {
    answer::page(
        &frame,
        Form::new(&app, &frame, None).render().map_err(Error::from),
    )
}

/// `POST /upload`: a form with the file `bundle`.
pub(crate) async fn post(State(app): State<App>, frame: Frame, request: Request) -> Response {
    let headers = request.headers().clone();
    let taken = take(&app, &headers, request).await;
    let wants_json = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("application/json"));
    match (taken, wants_json) {
        (Ok(upload), true) => {
            let location = HeaderValue::try_from(format!("/upload/{}", upload.id));
            let mut response = (StatusCode::ACCEPTED, Json(Status::of(&upload))).into_response();
            if let Ok(location) = location {
                response.headers_mut().insert(LOCATION, location);
            }
            response
        }
        (Ok(upload), false) => Redirect::to(&format!("/upload/{}", upload.id)).into_response(),
        (Err(refused), true) => {
            let message = refusal(&app, &frame, refused);
            let body = serde_json::json!({"error": {"code": refused.code(), "message": message}});
            (status(refused), Json(body)).into_response()
        }
        (Err(refused), false) => {
            let message = refusal(&app, &frame, refused);
            let rendered = Form::new(&app, &frame, Some(message)).render();
            let mut response = answer::page(&frame, rendered.map_err(Error::from));
            *response.status_mut() = status(refused);
            response
        }
    }
}

async fn take(app: &App, headers: &HeaderMap, request: Request) -> Result<Upload, Refused> {
    if is_foreign(headers) {
        return Err(Refused::Foreign);
    }
    let form = Multipart::from_request(request, &())
        .await
        .map_err(|_| Refused::Broken)?;
    receive(&app.desk, form).await
}

/// Whether a browser says that a page of another site sent the form. A program that says nothing is no browser.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let host = text(HOST.as_str()).unwrap_or_default();
    text(ORIGIN.as_str()).is_some_and(|origin| {
        origin
            .split_once("://")
            .is_none_or(|(_, from)| from != host)
    })
}

fn status(refused: Refused) -> StatusCode {
    match refused {
        Refused::Unavailable | Refused::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Refused::Foreign => StatusCode::FORBIDDEN,
        Refused::Empty | Refused::Broken => StatusCode::BAD_REQUEST,
        Refused::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refused::Disk => StatusCode::INSUFFICIENT_STORAGE,
    }
}

fn refusal(app: &App, frame: &Frame, refused: Refused) -> String {
    let key = match refused {
        Refused::Unavailable => return unavailable(app, frame).unwrap_or_default(),
        Refused::Foreign => "upload.refused_foreign",
        Refused::Busy => "upload.refused_busy",
        Refused::Empty => "upload.refused_empty",
        Refused::TooLarge => "upload.refused_too_large",
        Refused::Broken => "upload.refused_broken",
        Refused::Disk => "upload.refused_disk",
    };
    frame.fill(key, mib_max(app))
}

/// Why this server takes no bundles; `None` when it does.
fn unavailable(app: &App, frame: &Frame) -> Option<String> {
    let key = match &app.desk.uploads {
        Uploads::To { .. } => return None,
        Uploads::NoEventLog => "upload.no_event_log",
        Uploads::NotFromElsewhere => "upload.not_from_elsewhere",
    };
    Some(frame.t(key).to_owned())
}

fn mib_max(app: &App) -> u64 {
    match &app.desk.uploads {
        Uploads::To { bytes_max, .. } => bytes_max >> 20,
        Uploads::NoEventLog | Uploads::NotFromElsewhere => 0,
    }
}

/// `GET /upload/{id}`: where it stands; when it is done, on to the device.
pub(crate) async fn upload(
    State(app): State<App>,
    frame: Frame,
    Path(id): Path<String>,
) -> Response {
    let Some(upload) = app.desk.get(&id) else {
        return answer::page(&frame, Err(unknown(id)));
    };
    if let Some(landing) = upload.landing() {
        return Redirect::to(&landing).into_response();
    }
    let over = upload.is_over();
    let view = Progress {
        f: &frame,
        headline: headline(&frame, &upload),
        upload: &upload,
    };
    let mut response = answer::page(&frame, view.render().map_err(Error::from));
    if !over {
        // Readers without JavaScript follow by reloading.
        response
            .headers_mut()
            .insert(REFRESH, HeaderValue::from_static("2"));
    }
    response
}

/// `GET /api/v1/uploads/{id}`.
pub(crate) async fn json(State(app): State<App>, Path(id): Path<String>) -> Response {
    answer::json(match app.desk.get(&id) {
        Some(upload) => Ok(Json(Status::of(&upload))),
        None => Err(unknown(id)),
    })
}

fn unknown(id: String) -> Error {
    Error::NotFound {
        what: What::Upload,
        id,
    }
}

/// An upload for programs.
#[derive(Debug, Serialize)]
struct Status {
    #[serde(flatten)]
    upload: Upload,
    /// Where to look at it now.
    location: String,
    is_over: bool,
}

impl Status {
    fn of(upload: &Upload) -> Self {
        Self {
            location: upload
                .landing()
                .unwrap_or_else(|| format!("/upload/{}", upload.id)),
            is_over: upload.is_over(),
            upload: upload.clone(),
        }
    }
}

/// What a bundle gave, in one sentence.
pub(crate) fn receipt_line(frame: &Frame, upload: &Upload) -> Option<String> {
    let receipt = upload.receipt()?;
    Some(i18n::fill(
        frame.lang,
        "upload.receipt",
        &[
            ("name", &upload.name),
            ("files", &crate::format::number(receipt.files)),
            ("records", &crate::format::number(receipt.records)),
            ("rejected", &crate::format::number(receipt.rejected)),
            ("unknown", &receipt.unrecognised.len()),
        ],
    ))
}

fn headline(frame: &Frame, upload: &Upload) -> String {
    use crate::upload::State as At;
    let key = match &upload.state {
        At::Reading => "upload.reading",
        At::Analysing { .. } => "upload.analysing",
        At::Failed { .. } => "upload.failed",
        At::Unfinished { .. } => "upload.unfinished",
        At::Done { receipt } if receipt.devices.is_empty() => "upload.nothing_found",
        At::Done { .. } => "upload.several",
    };
    frame.fill(key, &upload.name)
}

#[derive(Template)]
#[template(path = "upload.html")]
struct Form<'a> {
    f: &'a Frame,
    unavailable: Option<String>,
    refusal: Option<String>,
    limit: String,
    bytes_max: u64,
}

impl<'a> Form<'a> {
    fn new(app: &App, f: &'a Frame, refusal: Option<String>) -> Self {
        Self {
            f,
            unavailable: unavailable(app, f),
            refusal,
            limit: f.fill("upload.limit", mib_max(app)),
            bytes_max: mib_max(app) << 20,
        }
    }
}

#[derive(Template)]
#[template(path = "upload_progress.html")]
struct Progress<'a> {
    f: &'a Frame,
    headline: String,
    upload: &'a Upload,
}

impl Progress<'_> {
    fn receipt_line(&self) -> String {
        receipt_line(self.f, self.upload).unwrap_or_default()
    }

    fn is_unfinished(&self) -> bool {
        matches!(self.upload.state, crate::upload::State::Unfinished { .. })
    }

    fn detail(&self) -> &str {
        match &self.upload.state {
            crate::upload::State::Failed { detail } => detail,
            _ => "",
        }
    }
}
