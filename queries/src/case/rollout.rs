//! The case of one rollout: how far it is, what blocks it, and who says nothing.

use serde::Deserialize;

use super::document::{Block, Document, Section};
use super::failure::told_cause;
use super::words::Language;

use crate::reports::{ClusterRow, RolloutSummary};
use crate::{Param, Result, Store};

/// A device that says nothing, or waits for its restart.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WaitingRow {
    pub(super) device_name: String,
    pub(super) site: String,
    pub(super) ring: String,
    /// stale, never_seen or pending_restart.
    pub(super) state: String,
    /// Last report, or end of the attempt that wants the restart; `None` when it never reported.
    pub(super) since: Option<String>,
}

/// Everything that the report of a rollout is made of.
#[derive(Debug, Clone)]
pub(super) struct RolloutCase {
    pub(super) rollout: RolloutSummary,
    pub(super) clusters: Vec<ClusterRow>,
    /// At most fifty of each state, those that wait longest first.
    pub(super) waiting: Vec<WaitingRow>,
}

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
        let clusters = self.clusters_of(&rollout).await?;
        let params = [
            ("rollout_id", Param::from(rollout.rollout_id.as_str())),
            ("ring", Param::from("")),
            ("site", Param::from("")),
        ];
        let waiting = self
            .query_json(
                "list the devices that say nothing",
                include_str!("../../reports/page_rollout_waiting.sql"),
                &params,
            )
            .await?;
        let case = RolloutCase {
            rollout,
            clusters,
            waiting,
        };
        Ok(Some(case.document(language)))
    }

    /// The clusters that hold planned devices of a rollout, counted as its page counts them; the one that holds back
    /// most devices first.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn clusters_of(&self, rollout: &RolloutSummary) -> Result<Vec<ClusterRow>> {
        let params = [("rollout_id", Param::from(rollout.rollout_id.as_str()))];
        self.query_json(
            "list the clusters of a rollout",
            include_str!("../../reports/clusters_of_rollout.sql"),
            &params,
        )
        .await
    }
}

impl RolloutCase {
    /// Lays the case out.
    pub(super) fn document(&self, language: Language) -> Document {
        let r = &self.rollout;
        let mut sections = vec![self.progress(language), self.blocks(language)];
        sections.extend(self.open().map(|cluster| remedy(cluster, language)));
        sections.extend(self.silent(language));
        Document {
            title: format!("{} (KB{})", r.name, r.kb_article),
            language: language.tag().to_owned(),
            sections,
        }
    }

    fn open(&self) -> impl Iterator<Item = &ClusterRow> {
        self.clusters
            .iter()
            .filter(|cluster| cluster.open_devices > 0)
    }

    fn progress(&self, language: Language) -> Section {
        let r = &self.rollout;
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
        let minute = |at: &Option<String>| {
            at.as_deref()
                .map(|at| format!("{} UTC", at.get(..16).unwrap_or(at)))
                .unwrap_or_default()
        };
        let late = if r.late > 0 {
            language.of(
                format!("{} devices, silent ones included", r.late),
                format!("{} 台，包括未上报的设备", r.late),
            )
        } else {
            String::new()
        };
        let dates = [
            (language.of("Started", "开始"), minute(&r.started_at)),
            (language.of("Deadline", "截止"), minute(&r.deadline_at)),
            (language.of("Newest report", "最新上报"), minute(&r.as_of)),
            (language.of("Late", "逾期"), late),
        ];
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
        Section::new(
            language.of("Progress", "进度"),
            vec![
                Block::text(progress),
                Block::facts(dates),
                Block::table(&header, rows),
            ],
        )
    }

    fn blocks(&self, language: Language) -> Section {
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
        let rows: Vec<Vec<String>> = self
            .open()
            .map(|c| {
                vec![
                    c.open_devices.to_string(),
                    c.devices.to_string(),
                    cause(c, language),
                    c.culprit.clone(),
                    c.error_codes.join(", "),
                    c.sites.join(", "),
                    c.cluster_key.clone(),
                ]
            })
            .collect();
        let closed = self.clusters.len() - rows.len();
        let mut blocks = vec![if rows.is_empty() {
            Block::text(language.of("Nothing: no device fails now.", "无：目前没有设备失败。"))
        } else {
            Block::table(&header, rows)
        }];
        if closed > 0 {
            blocks.push(Block::text(language.of(
                format!("Clusters that hold nobody back any more: {closed}."),
                format!("已不再阻碍任何设备的故障簇：{closed} 个。"),
            )));
        }
        Section::new(language.of("What blocks it", "阻碍因素"), blocks)
    }

    fn silent(&self, language: Language) -> Option<Section> {
        if self.waiting.is_empty() {
            return None;
        }
        let header = language.of(
            ["Device", "Site", "Ring", "State", "Since"],
            ["设备", "站点", "部署环", "状态", "自"],
        );
        let rows = self
            .waiting
            .iter()
            .map(|row| {
                let state = match row.state.as_str() {
                    "stale" => language.of("stale", "长期未上报"),
                    "never_seen" => language.of("never seen", "从未上报"),
                    _ => language.of("pending restart", "等待重启"),
                };
                let since = row.since.as_deref().unwrap_or_default();
                vec![
                    row.device_name.clone(),
                    row.site.clone(),
                    row.ring.clone(),
                    state.to_owned(),
                    since.get(..16).unwrap_or(since).to_owned(),
                ]
            })
            .collect();
        let r = &self.rollout;
        let (all, shown) = (
            r.stale + r.never_seen + r.pending_restart,
            self.waiting.len() as u64,
        );
        let mut blocks = vec![Block::table(&header, rows)];
        if all > shown {
            let more = all - shown;
            blocks.push(Block::text(
                language.of(format!("And {more} more."), format!("另有 {more} 台。")),
            ));
        }
        Some(Section::new(
            language.of("Silent, or waiting for a restart", "未上报或等待重启"),
            blocks,
        ))
    }
}

/// What the cause is called.
fn cause(cluster: &ClusterRow, language: Language) -> String {
    told_cause(&cluster.cause, cluster.confidence_avg, language)
}

fn remedy(cluster: &ClusterRow, language: Language) -> Section {
    let name = cause(cluster, language);
    let heading = if cluster.culprit.is_empty() {
        name
    } else {
        format!("{name}{}{}", language.of(": ", "："), cluster.culprit)
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
    if !cluster.example_device_id.is_empty() {
        let device = &cluster.example_device_id;
        blocks.push(Block::text(language.of(
            format!("As for {device}: paths, files and builds differ from device to device."),
            format!("以 {device} 为例：路径、文件和版本因设备而异。"),
        )));
    }
    Section::new(&heading, blocks)
}
