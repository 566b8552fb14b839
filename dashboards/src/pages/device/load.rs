//! From the reports to the page's model.

use super::EVENTS_MAX;
use patchlens_queries::case::Document;

use super::model::{Device, DeviceDetail, Standing};
use crate::error::{Error, Result, What};
use crate::frame::Frame;
use crate::pages::devices;
use crate::pages::report::language;
use crate::read::{patiently, rows};
use crate::server::App;

/// One device with everything on its page.
pub(super) async fn detail(app: &App, frame: &Frame, id: &str) -> Result<DeviceDetail> {
    let all = if frame.value("all").is_some() {
        "1"
    } else {
        "0"
    };
    let limit = EVENTS_MAX.to_string();
    let device_id = [("device_id", id)];
    let events = [("device_id", id), ("all", all), ("max_rows", &limit)];
    let clocks = devices::load::clocks(app).await?;
    let silent_before = serde_json::json!(clocks).to_string();
    let standings = [("device_id", id), ("silent_before", &silent_before)];
    let (device, rollouts, attempts, diagnoses, evidence, events) = tokio::try_join!(
        rows(
            app,
            "read the device",
            include_str!("../../../../queries/reports/page_device.sql"),
            &device_id
        ),
        rows::<Standing>(
            app,
            "read its rollouts",
            include_str!("../../../../queries/reports/page_device_standings.sql"),
            &standings
        ),
        rows(
            app,
            "read its attempts",
            include_str!("../../../../queries/reports/page_device_attempts.sql"),
            &device_id
        ),
        rows(
            app,
            "read its diagnoses",
            include_str!("../../../../queries/reports/page_device_diagnoses.sql"),
            &device_id
        ),
        rows(
            app,
            "read its evidence",
            include_str!("../../../../queries/reports/page_device_evidence.sql"),
            &device_id
        ),
        rows(
            app,
            "read its timeline",
            include_str!("../../../../queries/reports/page_device_events.sql"),
            &events
        ),
    )?;
    let device = match (device.into_iter().next(), rollouts.first()) {
        (Some(device), _) => device,
        (None, Some(planned)) => Device {
            device_id: id.to_owned(),
            device_name: planned.device_name.clone(),
            site: planned.site.clone(),
            ring: planned.ring.clone(),
            ..Device::default()
        },
        (None, None) => return Err(not_found(id)),
    };
    Ok(DeviceDetail {
        device,
        rollouts,
        attempts,
        diagnoses,
        evidence,
        events,
    })
}

fn not_found(id: &str) -> Error {
    Error::NotFound {
        what: What::Device,
        id: id.to_owned(),
    }
}

/// The case report of one device.
pub(super) async fn case(app: &App, frame: &Frame, id: &str) -> Result<Document> {
    let doing = "write the device's report";
    let case = patiently(app, doing, app.store.device_case(id, language(frame))).await?;
    case.ok_or_else(|| not_found(id))
}
