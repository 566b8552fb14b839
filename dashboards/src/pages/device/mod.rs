//! `GET /devices/{id}`: what one device tried, why it failed, and every line that says so.

mod axis;
mod load;
pub(crate) mod model;

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;

use self::axis::Axis;
use self::model::{Attempt, Device, DeviceDetail, Diagnosis, Event, Standing};
use crate::answer;
use crate::error::Result;
use crate::format::kb;
use crate::frame::{Frame, Theme};
use crate::i18n;
use crate::pages::evidence::Evidence;
use crate::pages::report;
use crate::pages::upload::receipt_line;
use crate::server::App;

/// Events on the page.
pub(super) const EVENTS_MAX: usize = 150;

/// Lines of evidence that show at once; the others open on request.
const EVIDENCE_SHOWN: usize = 5;

/// `GET /devices/{id}`.
pub(crate) async fn page(State(app): State<App>, frame: Frame, Path(id): Path<String>) -> Response {
    answer::page(&frame, render(&app, &frame, &id).await)
}

/// `GET /api/v1/devices/{id}`.
pub(crate) async fn json(State(app): State<App>, frame: Frame, Path(id): Path<String>) -> Response {
    answer::json(load::detail(&app, &frame, &id).await.map(Json))
}

/// `GET /devices/{id}/report.md`: the report for a ticket, in the reader's language.
pub(crate) async fn report_markdown(
    State(app): State<App>,
    frame: Frame,
    Path(id): Path<String>,
) -> Response {
    report::markdown(&frame, "device", &id, load::case(&app, &frame, &id).await)
}

/// `GET /devices/{id}/report.html`: the same as one file to print or to send.
pub(crate) async fn report_html(
    State(app): State<App>,
    frame: Frame,
    Path(id): Path<String>,
) -> Response {
    report::html(&frame, "device", &id, load::case(&app, &frame, &id).await)
}

async fn render(app: &App, frame: &Frame, id: &str) -> Result<String> {
    let detail = load::detail(app, frame, id).await?;
    let upload = frame.value("upload").and_then(|id| app.desk.get(id));
    let receipt = upload.and_then(|upload| receipt_line(frame, &upload));
    Ok(View::new(frame, &detail, receipt).render()?)
}

/// A diagnosis with its lines.
struct DiagnosisView<'a> {
    row: &'a Diagnosis,
    /// A better supported diagnosis stands above it, of the same failure.
    is_or_else: bool,
    evidence: Vec<&'a Evidence>,
    more: Vec<&'a Evidence>,
    steps: &'a [String],
}

#[derive(Template)]
#[template(path = "device.html")]
struct View<'a> {
    f: &'a Frame,
    d: &'a Device,
    rollouts: &'a [Standing],
    /// Planned, and nothing of it was ever collected.
    never_seen: bool,
    /// What is to be known of the times of its logs.
    zone_note: Option<String>,
    /// So, and a rollout waits for it.
    awaited: bool,
    verdict: String,
    /// What the bundle gave that the reader has just handed in.
    receipt: Option<String>,
    diagnoses: Vec<DiagnosisView<'a>>,
    attempts: &'a [Attempt],
    axis: Axis,
    events: &'a [Event],
    events_cut: bool,
    facts: Vec<(String, String)>,
    more_facts: Vec<(String, String)>,
}

impl<'a> View<'a> {
    fn new(f: &'a Frame, detail: &'a DeviceDetail, receipt: Option<String>) -> Self {
        let diagnoses = detail
            .diagnoses
            .iter()
            .map(|row| {
                let mut evidence: Vec<&Evidence> = detail
                    .evidence
                    .iter()
                    .filter(|line| line.diagnosis_id == row.diagnosis_id)
                    .collect();
                let more = evidence.split_off(evidence.len().min(EVIDENCE_SHOWN));
                DiagnosisView {
                    row,
                    is_or_else: row.is_alternative == 1,
                    evidence,
                    more,
                    steps: f.pick_list(&row.actions_en, &row.actions_zh),
                }
            })
            .collect();
        let mut facts = facts(&detail.device);
        let sources = facts
            .iter()
            .find(|(name, _)| name == "zone_assumed")
            .map(|(_, sources)| sources.clone())
            .unwrap_or_default();
        facts.retain(|(name, _)| name != "zone_assumed");
        let sources = sources.split(", ").filter(|source| !source.is_empty());
        let zone_note = patchlens_queries::case::zone_note(sources, report::language(f));
        // Services, file hashes and registry values are named after what they are about: `service_start.wuauserv`.
        let (more_facts, facts) = facts.into_iter().partition(|(name, _)| name.contains('.'));
        Self {
            f,
            d: &detail.device,
            rollouts: &detail.rollouts,
            never_seen: detail.device.last_seen_at.is_none(),
            zone_note,
            awaited: is_awaited(detail),
            verdict: verdict(f, detail),
            receipt,
            diagnoses,
            attempts: &detail.attempts,
            axis: axis::axis(f, &detail.attempts, &detail.events),
            events: &detail.events,
            events_cut: detail.events.len() >= EVENTS_MAX,
            facts,
            more_facts,
        }
    }
}

/// Whether a rollout waits for a first report of the device.
fn is_awaited(detail: &DeviceDetail) -> bool {
    detail
        .rollouts
        .iter()
        .any(|rollout| rollout.state == "never_seen")
}

fn verdict(f: &Frame, detail: &DeviceDetail) -> String {
    if detail.device.last_seen_at.is_none() {
        let key = if is_awaited(detail) {
            "device.verdict_never_seen"
        } else {
            "device.verdict_excluded"
        };
        return f.t(key).to_owned();
    }
    let open = detail
        .diagnoses
        .iter()
        .find(|diagnosis| diagnosis.is_open != 0);
    if let Some(diagnosis) = open {
        let cause = f.cause(&diagnosis.cause, diagnosis.confidence);
        return i18n::fill(
            f.lang,
            "device.verdict_failed",
            &[("kb", &update(f, diagnosis.kb_article)), ("cause", &cause)],
        );
    }
    // What failed before tells more than the definitions that the device gets every day.
    let failed_before = detail
        .diagnoses
        .first()
        .and_then(|diagnosis| diagnosis.kb_article);
    let of_update = detail
        .attempts
        .iter()
        .find(|attempt| failed_before.is_some() && attempt.kb_article == failed_before);
    match of_update.or(detail.attempts.first()) {
        None => f.t("device.verdict_none").to_owned(),
        // Another update made up for it: the failure is not the last that is known of the device.
        Some(attempt) if matches!(attempt.outcome.as_str(), "failed" | "rolled_back") => {
            i18n::fill(
                f.lang,
                "device.verdict_over",
                &[("kb", &update(f, attempt.kb_article))],
            )
        }
        Some(attempt) => i18n::fill(
            f.lang,
            "device.verdict_last",
            &[
                ("kb", &update(f, attempt.kb_article)),
                ("outcome", &f.label("outcome", &attempt.outcome)),
            ],
        ),
    }
}

/// The update by its number, in a sentence.
fn update(f: &Frame, kb_article: Option<u32>) -> String {
    match kb_article {
        Some(_) => kb(kb_article),
        None => f.t("device.unnamed").to_owned(),
    }
}

/// The columns that every device has, then what else its inventory said.
fn facts(device: &Device) -> Vec<(String, String)> {
    let columns = [
        ("device_id", &device.device_id),
        ("os_name", &device.os_name),
        ("os_edition", &device.os_edition),
        ("os_build", &device.os_build),
        ("architecture", &device.architecture),
        ("manufacturer", &device.manufacturer),
        ("model", &device.model),
        ("locale", &device.locale),
    ];
    let mut facts: Vec<(String, String)> = columns
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    if let Ok(serde_json::Value::Object(more)) = serde_json::from_str(&device.facts) {
        for (name, value) in more {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            if !facts.iter().any(|(known, _)| *known == name) {
                facts.push((name, text));
            }
        }
    }
    facts.retain(|(_, value)| !value.is_empty());
    facts
}
