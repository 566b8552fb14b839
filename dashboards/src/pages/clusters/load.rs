//! From the reports to the page's model.

use serde::{Deserialize, Serialize};

use super::model::{Cluster, Clusters};
use crate::csv::record;
use crate::error::Result;
use crate::format::{code, name};
use crate::frame::Frame;
use crate::read::rows;
use crate::server::App;

/// A value that a filter offers; grain: one per filter and value.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FilterValue {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// The clusters that the address asks for, with the heat map of the same devices.
pub(crate) async fn clusters(app: &App, frame: &Frame) -> Result<Clusters> {
    let open = if frame.value("open") == Some("all") {
        "0"
    } else {
        "1"
    };
    let (cause, site, ring) = (
        frame.filter("cause"),
        frame.filter("site"),
        frame.filter("ring"),
    );
    let filters = [
        ("cause", cause.as_str()),
        ("site", &site),
        ("ring", &ring),
        ("open_only", open),
        ("cluster_key", ""),
    ];
    let (clusters, heat) = tokio::try_join!(
        rows(app, "list the clusters", CLUSTERS, &filters),
        rows(
            app,
            "read the heat map",
            include_str!("../../../../queries/reports/page_clusters_heat.sql"),
            filters.get(..4).unwrap_or_default()
        ),
    )?;
    Ok(Clusters { clusters, heat })
}

/// One cluster, whether open or closed.
pub(crate) async fn cluster(app: &App, key: &str) -> Result<Option<Cluster>> {
    let filters = [
        ("cause", ""),
        ("site", ""),
        ("ring", ""),
        ("open_only", "0"),
        ("cluster_key", key),
    ];
    Ok(rows(app, "read the cluster", CLUSTERS, &filters)
        .await?
        .into_iter()
        .next())
}

const CLUSTERS: &str = include_str!("../../../../queries/reports/page_clusters.sql");

/// What the filters offer: causes, sites, rings.
pub(crate) async fn options(app: &App) -> Result<Vec<FilterValue>> {
    rows(
        app,
        "list the filters",
        include_str!("../../../../queries/reports/page_filters.sql"),
        &[],
    )
    .await
}

/// The clusters of [`clusters`] as CSV.
pub(crate) async fn csv(app: &App, frame: &Frame) -> Result<String> {
    let mut text = String::new();
    record(
        &mut text,
        [
            "cluster_key",
            "cause",
            "alert_subtype",
            "culprit",
            "error_code",
            "error_symbol",
            "phase",
            "open_devices",
            "devices",
            "trend",
            "sites",
            "first_seen_at",
            "last_seen_at",
            "summary",
        ],
    );
    for row in clusters(app, frame).await?.clusters {
        record(
            &mut text,
            [
                row.cluster_key.as_str(),
                &row.cause,
                &row.alert_subtype,
                &row.culprit,
                &row.error_code
                    .map(|value| code(Some(value)))
                    .unwrap_or_default(),
                &row.error_symbol,
                &row.phase,
                &row.open_devices.to_string(),
                &row.devices.to_string(),
                &row.trend,
                &row.sites.join("; "),
                row.first_seen_at.as_deref().unwrap_or_default(),
                row.last_seen_at.as_deref().unwrap_or_default(),
                name(frame.pick(&row.summary_en, &row.summary_zh)),
            ],
        );
    }
    Ok(text)
}
