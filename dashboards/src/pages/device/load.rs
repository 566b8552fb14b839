//! From the reports to the page's model.

use super::EVENTS_MAX;
use super::model::DeviceDetail;
use crate::error::{Error, Result, What};
use crate::frame::Frame;
use crate::read::rows;
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
    let (device, attempts, diagnoses, evidence, events) = tokio::try_join!(
        rows(
            app,
            "read the device",
            include_str!("../../../../queries/reports/page_device.sql"),
            &device_id
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
    let Some(device) = device.into_iter().next() else {
        return Err(Error::NotFound {
            what: What::Device,
            id: id.to_owned(),
        });
    };
    Ok(DeviceDetail {
        device,
        attempts,
        diagnoses,
        evidence,
        events,
    })
}
