//! From the reports to the page's model.

use super::model::Pipeline;
use crate::error::Result;
use crate::frame::Frame;
use crate::pages::rollout;
use crate::read::rows;
use crate::server::App;

/// Everything on the page.
pub(crate) async fn pipeline(app: &App, frame: &Frame) -> Result<Pipeline> {
    let (lag, arrived, rejects, waiting) = tokio::try_join!(
        rows(
            app,
            "read the delay",
            include_str!("../../../../queries/reports/page_pipeline_lag.sql"),
            &[]
        ),
        rows(
            app,
            "read what arrived",
            include_str!("../../../../queries/reports/page_pipeline_arrived.sql"),
            &[]
        ),
        rows(
            app,
            "read what was refused",
            include_str!("../../../../queries/reports/page_pipeline_rejects.sql"),
            &[]
        ),
        rollout::load::waiting(app, frame, ""),
    )?;
    let silent = waiting
        .into_iter()
        .filter(|device| device.state != "pending_restart")
        .collect();
    Ok(Pipeline {
        lag,
        arrived,
        rejects,
        silent,
    })
}
