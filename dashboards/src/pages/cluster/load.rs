//! From the reports to the page's model.

use patchlens_queries::case::Document;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::model::{AtRisk, ClusterDetail, ClusterDevice, Effect, Factor};
use crate::csv::record;
use crate::error::{Error, Result, What};
use crate::format::code;
use crate::frame::Frame;
use crate::pages::clusters::load::cluster;
use crate::pages::report::language;
use crate::read::{patiently, rows};
use crate::server::App;

/// Factors on the page.
const FACTORS_SHOWN: usize = 8;

#[derive(Deserialize)]
struct Row {
    #[serde(flatten)]
    device: AtRisk,
    /// Devices beyond the limit too.
    total: u64,
}

/// A report about every cluster, which is counted once for all of them, or about one.
struct Report {
    doing: &'static str,
    sql: &'static str,
}

const EFFECT: Report = Report {
    doing: "read the remedies' effect",
    sql: include_str!("../../../../queries/reports/page_cluster_effect.sql"),
};
const TELLING: Report = Report {
    doing: "read the factors",
    sql: include_str!("../../../../queries/reports/page_cluster_telling.sql"),
};
/// Rows of such a report; where it is cut, one cluster is asked for by its key.
const ROWS_MAX: usize = 20_000;

#[derive(Deserialize)]
struct OfCluster<T> {
    cluster_key: String,
    #[serde(flatten)]
    row: T,
}

impl Report {
    /// The rows of all clusters, or of one.
    async fn about<T: DeserializeOwned>(&self, app: &App, key: &str) -> Result<Vec<OfCluster<T>>> {
        rows(app, self.doing, self.sql, &[("cluster_key", key)]).await
    }

    /// The rows of one cluster.
    async fn of<T: DeserializeOwned>(&self, app: &App, key: &str) -> Result<Vec<T>> {
        let mut found = self.about(app, "").await?;
        if found.len() >= ROWS_MAX {
            found = self.about(app, key).await?;
        }
        let mine = found.into_iter().filter(|found| found.cluster_key == key);
        Ok(mine.map(|found| found.row).collect())
    }
}

/// Asks what the pages of all clusters rest on.
pub(crate) async fn common(app: &App) -> Result<()> {
    let asked = tokio::try_join!(
        EFFECT.about::<Effect>(app, ""),
        TELLING.about::<Factor>(app, "")
    );
    asked.map(drop)
}

/// One cluster with everything on its page.
pub(super) async fn detail(app: &App, key: &str) -> Result<ClusterDetail> {
    let by_key = [("cluster_key", key)];
    let (cluster, effect, evidence, (factors, at_risk), devices) = tokio::try_join!(
        cluster(app, key),
        EFFECT.of::<Effect>(app, key),
        rows(
            app,
            "read the evidence",
            include_str!("../../../../queries/reports/page_cluster_evidence.sql"),
            &by_key
        ),
        factors(app, key),
        devices(app, key),
    )?;
    let Some(cluster) = cluster else {
        return Err(Error::NotFound {
            what: What::Cluster,
            id: key.to_owned(),
        });
    };
    Ok(ClusterDetail {
        cluster,
        effect: effect.first().copied().unwrap_or_default(),
        evidence,
        factors,
        devices,
        at_risk: at_risk.first().map_or(0, |row| row.total),
        at_risk_devices: at_risk.into_iter().map(|row| row.device).collect(),
    })
}

/// What the cluster's devices have in common, and who else has it: the second question rests on the first's answer,
/// which the store would have to find again.
async fn factors(app: &App, key: &str) -> Result<(Vec<Factor>, Vec<Row>)> {
    let mut factors: Vec<Factor> = TELLING.of(app, key).await?;
    let telling: Vec<(&str, &str, f64)> = factors
        .iter()
        .filter(|factor| factor.is_telling == 1)
        .map(|factor| {
            (
                factor.factor.as_str(),
                factor.value.as_str(),
                factor.p_value.unwrap_or_default(),
            )
        })
        .collect();
    let at_risk = if telling.is_empty() {
        Vec::new()
    } else {
        let telling = serde_json::json!(telling).to_string();
        rows(
            app,
            "list devices at risk",
            include_str!("../../../../queries/reports/page_cluster_at_risk.sql"),
            &[("factors", &telling)],
        )
        .await?
    };
    factors.retain(|factor| factor.with_factor >= 2);
    factors.truncate(FACTORS_SHOWN);
    Ok((factors, at_risk))
}

async fn devices(app: &App, key: &str) -> Result<Vec<ClusterDevice>> {
    let sql = include_str!("../../../../queries/reports/page_cluster_devices.sql");
    let limit = app.config.max_rows.to_string();
    rows(
        app,
        "list the cluster's devices",
        sql,
        &[("cluster_key", key), ("max_rows", &limit)],
    )
    .await
}

/// The case report, as the store has it now.
pub(super) async fn case(app: &App, frame: &Frame, key: &str) -> Result<Document> {
    let doing = "write the case report";
    let case = patiently(app, doing, app.store.cluster_case(key, language(frame))).await?;
    case.ok_or_else(|| Error::NotFound {
        what: What::Cluster,
        id: key.to_owned(),
    })
}

/// The devices as CSV.
pub(super) async fn csv(app: &App, key: &str) -> Result<String> {
    let devices = devices(app, key).await?;
    if devices.is_empty() {
        return Err(Error::NotFound {
            what: What::Cluster,
            id: key.to_owned(),
        });
    }
    let mut text = String::new();
    record(
        &mut text,
        [
            "device_id",
            "device_name",
            "site",
            "ring",
            "os_build",
            "error_code",
            "last_seen_at",
            "is_open",
            "cluster_key",
        ],
    );
    for row in devices {
        record(
            &mut text,
            [
                row.device_id.as_str(),
                &row.device_name,
                &row.site,
                &row.ring,
                &row.os_build,
                &row.error_code
                    .map(|value| code(Some(value)))
                    .unwrap_or_default(),
                row.last_seen_at.as_deref().unwrap_or_default(),
                &row.is_open.to_string(),
                key,
            ],
        );
    }
    Ok(text)
}
