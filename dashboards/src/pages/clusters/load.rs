//! From the reports to the page's model.

use serde::{Deserialize, Serialize};

use super::model::{Cluster, Clusters};
use super::narrow::Narrow;
use crate::csv::record;
use crate::error::{Error, Result};
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

/// Rows of [`CLUSTERS`]; a cluster beyond them is asked for by its key.
const CLUSTERS_MAX: usize = 5_000;
const CLUSTERS: &str = include_str!("../../../../queries/reports/page_clusters.sql");

/// The clusters that the address asks for, with the heat map of the same devices.
///
/// The store counts once, by everything that a filter can name; the filters are applied here, so that one that nobody
/// used before costs the store nothing.
pub(crate) async fn clusters(app: &App, frame: &Frame) -> Result<Clusters> {
    let open = frame.filter("open");
    if !matches!(open.as_str(), "" | "all") {
        return Err(Error::Parameter {
            name: "open",
            value: open,
            expected: "all, or nothing for those that are open",
        });
    }
    let narrow = Narrow {
        cause: frame.filter("cause"),
        site: frame.filter("site"),
        ring: frame.filter("ring"),
        open_only: open != "all",
    };
    let (clusters, places, heat) = tokio::try_join!(
        all(app),
        rows(
            app,
            "count the clusters by place",
            include_str!("../../../../queries/reports/page_clusters_cube.sql"),
            &[]
        ),
        rows(
            app,
            "read the heat map",
            include_str!("../../../../queries/reports/page_clusters_heat.sql"),
            &[]
        ),
    )?;
    Ok(Clusters {
        clusters: narrow.clusters(clusters, &places),
        heat: narrow.heat(&heat),
    })
}

/// All clusters, open and closed, those with the most failing devices first.
pub(crate) async fn all(app: &App) -> Result<Vec<Cluster>> {
    rows(app, "list the clusters", CLUSTERS, &[("cluster_key", "")]).await
}

/// One cluster, whether open or closed.
pub(crate) async fn cluster(app: &App, key: &str) -> Result<Option<Cluster>> {
    let is_it = |cluster: &Cluster| cluster.cluster_key == key;
    let clusters = all(app).await?;
    let is_cut = clusters.len() >= CLUSTERS_MAX;
    let found = clusters.into_iter().find(is_it);
    if found.is_some() || !is_cut {
        return Ok(found);
    }
    let by_key = [("cluster_key", key)];
    let clusters: Vec<Cluster> = rows(app, "read the cluster", CLUSTERS, &by_key).await?;
    Ok(clusters.into_iter().find(is_it))
}

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
