//! The case of one rollout: how far it is, and what blocks it.

use super::document::{Block, Document, Section};
use super::words::Language;
use crate::reports::{ClusterRow, RolloutSummary};
use crate::{Result, Store};

impl Store {
    /// The case of a rollout, of the newest one without an id; `None` when there is no such rollout.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn rollout_case(
        &self,
        rollout_id: Option<&str>,
        language: Language,
    ) -> Result<Option<Document>> {
        let Some(rollout) = self.rollout_summary(rollout_id).await? else {
            return Ok(None);
        };
        let clusters: Vec<ClusterRow> = self
            .clusters(None)
            .await?
            .into_iter()
            .filter(|cluster| {
                cluster.kb_articles.is_empty() || cluster.kb_articles.contains(&rollout.kb_article)
            })
            .collect();
        Ok(Some(document(&rollout, &clusters, language)))
    }
}

/// Lays the case out.
pub(super) fn document(
    r: &RolloutSummary,
    clusters: &[ClusterRow],
    language: Language,
) -> Document {
    let percent = r.percent_latest();
    let progress = language.of(
        format!(
            "{} of {} reporting devices have the update ({percent} %).",
            r.latest, r.reporting
        ),
        format!(
            "{} 台上报设备中有 {} 台已安装该更新（{percent} %）。",
            r.reporting, r.latest
        ),
    );
    let header = language.of(["", "Devices"], ["", "设备数"]);
    let counts = [
        (language.of("planned", "计划"), r.devices),
        (language.of("reporting", "上报"), r.reporting),
        (language.of("stale", "长期未上报"), r.stale),
        (language.of("never seen", "从未上报"), r.never_seen),
        (language.of("excluded", "排除"), r.excluded),
        (language.of("installed", "已安装"), r.latest),
        (language.of("failed", "失败"), r.failed),
        (language.of("in progress", "进行中"), r.in_progress),
        (
            language.of("pending restart", "等待重启"),
            r.pending_restart,
        ),
        (language.of("not started", "未开始"), r.not_started),
    ];
    let rows = counts
        .iter()
        .map(|(name, count)| vec![(*name).to_owned(), count.to_string()])
        .collect();
    let mut sections = vec![Section::new(
        language.of("Progress", "进度"),
        vec![Block::text(progress), Block::table(&header, rows)],
    )];
    let header = language.of(
        [
            "Failing", "Devices", "Cause", "At fault", "Codes", "Sites", "Cluster",
        ],
        [
            "失败中",
            "设备数",
            "原因",
            "故障对象",
            "代码",
            "站点",
            "故障簇",
        ],
    );
    let rows = clusters
        .iter()
        .map(|c| {
            vec![
                c.open_devices.to_string(),
                c.devices.to_string(),
                c.cause.clone(),
                c.culprit.clone(),
                c.error_codes.join(", "),
                c.sites.join(", "),
                c.cluster_key.clone(),
            ]
        })
        .collect();
    sections.push(Section::new(
        language.of("What blocks it", "阻碍因素"),
        vec![Block::table(&header, rows)],
    ));
    for cluster in clusters.iter().filter(|cluster| cluster.open_devices > 0) {
        let heading = if cluster.culprit.is_empty() {
            cluster.cause.clone()
        } else {
            format!("{}: {}", cluster.cause, cluster.culprit)
        };
        let mut blocks = vec![Block::text(
            language
                .of(&cluster.summary_en, &cluster.summary_zh)
                .clone(),
        )];
        let steps = language
            .of(&cluster.actions_en, &cluster.actions_zh)
            .clone();
        if !steps.is_empty() {
            blocks.push(Block::Steps { steps });
        }
        sections.push(Section::new(&heading, blocks));
    }
    Document {
        title: format!("{} (KB{})", r.name, r.kb_article),
        language: language.tag().to_owned(),
        sections,
    }
}
