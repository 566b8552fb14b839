//! The case of one cluster.

use serde::Deserialize;

use super::document::{Block, Document, Section};
use super::failure::{cause_title, told_cause};
use super::words::Language;
use crate::names::phase_name;
use crate::reports::{ClusterDeviceRow, ClusterRow};
use crate::{Param, Result, Store};

/// Devices that a report lists; the others are counted.
const DEVICES_SHOWN: usize = 200;
/// Differences from healthy devices that a report shows.
const FACTORS_SHOWN: usize = 8;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct EvidenceRow {
    pub(super) device_id: String,
    pub(super) source_file: String,
    pub(super) line_number: u64,
    pub(super) byte_offset: u64,
    pub(super) record_id: Option<u64>,
    pub(super) text: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct FactorRow {
    pub(super) factor: String,
    pub(super) value: String,
    pub(super) devices: u64,
    pub(super) with_factor: u64,
    pub(super) others: u64,
    pub(super) others_with_factor: u64,
    pub(super) p_value: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct EffectRow {
    pub(super) installed_later: u64,
    pub(super) failed_again: u64,
    pub(super) failed_otherwise: u64,
    pub(super) median_hours: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct AtRiskRow {
    /// Devices beyond the report's limit too.
    pub(super) total: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct DonorRow {
    pub(super) device_id: String,
    pub(super) path: String,
    pub(super) os_build: String,
    pub(super) donor_device_id: String,
}

/// Everything that the report of a cluster is made of.
#[derive(Debug, Clone)]
pub(super) struct ClusterCase {
    pub(super) cluster: ClusterRow,
    pub(super) devices: Vec<ClusterDeviceRow>,
    pub(super) evidence: Vec<EvidenceRow>,
    pub(super) factors: Vec<FactorRow>,
    pub(super) effect: Option<EffectRow>,
    pub(super) at_risk: u64,
    pub(super) donors: Vec<DonorRow>,
}

impl Store {
    /// The case of a cluster; `None` when there is no such cluster.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn cluster_case(
        &self,
        cluster_key: &str,
        language: Language,
    ) -> Result<Option<Document>> {
        let Some(cluster) = self.clusters(Some(cluster_key)).await?.into_iter().next() else {
            return Ok(None);
        };
        let params = [("cluster_key", Param::from(cluster_key))];
        let effect: Vec<EffectRow> = self
            .query_json(
                "read what the remedy did",
                include_str!("../../reports/case_effect.sql"),
                &params,
            )
            .await?;
        let at_risk: Vec<AtRiskRow> = self
            .query_json(
                "count the devices at risk",
                include_str!("../../reports/case_at_risk.sql"),
                &params,
            )
            .await?;
        let case = ClusterCase {
            devices: self.cluster_devices(cluster_key).await?,
            evidence: self
                .query_json(
                    "read the evidence of a cluster",
                    include_str!("../../reports/page_cluster_evidence.sql"),
                    &params,
                )
                .await?,
            factors: self
                .query_json(
                    "compare with healthy devices",
                    include_str!("../../reports/page_cluster_factors.sql"),
                    &params,
                )
                .await?,
            effect: effect.into_iter().next(),
            at_risk: at_risk.first().map_or(0, |row| row.total),
            donors: self
                .query_json(
                    "find good copies of changed files",
                    include_str!("../../reports/case_donors.sql"),
                    &params,
                )
                .await?,
            cluster,
        };
        Ok(Some(case.document(language)))
    }
}

impl ClusterCase {
    /// Lays the case out.
    pub(super) fn document(&self, language: Language) -> Document {
        let c = &self.cluster;
        let cause = told_cause(&c.cause, c.confidence_avg, language);
        let kbs: Vec<String> = c.kb_articles.iter().map(|kb| format!("KB{kb}")).collect();
        let what = if c.culprit.is_empty() {
            cause
        } else {
            format!("{cause}{}{}", language.of(": ", "："), c.culprit)
        };
        let title = if kbs.is_empty() {
            what
        } else {
            format!("{} — {what}", kbs.join(", "))
        };
        let sections = vec![
            self.problem(language, &kbs),
            self.scope(language),
            self.analysis(language),
            self.remedy(language),
            self.results(language),
        ];
        Document {
            title,
            language: language.tag().to_owned(),
            sections,
        }
    }

    fn problem(&self, language: Language, kbs: &[String]) -> Section {
        let c = &self.cluster;
        let codes = if c.error_symbol.is_empty() {
            c.error_codes.join(", ")
        } else {
            format!("{} ({})", c.error_codes.join(", "), c.error_symbol)
        };
        Section::new(
            language.of("Problem", "问题"),
            vec![
                Block::text(language.of(&c.summary_en, &c.summary_zh).clone()),
                Block::facts([
                    (language.of("Update", "更新"), kbs.join(", ")),
                    (language.of("Code reported", "报告的错误代码"), codes),
                    (
                        language.of("Code beneath", "内层代码"),
                        c.inner_codes.join(", "),
                    ),
                    (
                        language.of("Phase", "阶段"),
                        phase_name(&c.phase, language).to_owned(),
                    ),
                    (
                        language.of("Cause", "原因"),
                        format!("{} ({})", cause_title(&c.cause, language), c.alert_subtype),
                    ),
                    (language.of("At fault", "故障对象"), c.culprit.clone()),
                    (
                        language.of("Confidence", "置信度"),
                        format!("{:.2}", c.confidence_avg),
                    ),
                    (language.of("Cluster", "故障簇"), c.cluster_key.clone()),
                ]),
            ],
        )
    }

    fn scope(&self, language: Language) -> Section {
        let c = &self.cluster;
        let mut blocks = vec![Block::text(language.of(
            format!("{} devices; still failing: {}.", c.devices, c.open_devices),
            format!("{} 台设备，其中 {} 台仍然失败。", c.devices, c.open_devices),
        ))];
        blocks.push(Block::facts([
            (language.of("Sites", "站点"), c.sites.join(", ")),
            (language.of("Rings", "部署环"), c.rings.join(", ")),
        ]));
        let rows: Vec<Vec<String>> = self
            .devices
            .iter()
            .take(DEVICES_SHOWN)
            .map(|device| {
                let state = if device.is_open == 1 {
                    language.of("fails", "失败")
                } else {
                    language.of("installed later", "之后已安装")
                };
                vec![
                    device.device_name.clone(),
                    device.site.clone(),
                    device.ring.clone(),
                    device.os_build.clone(),
                    device.error_code_hex.clone(),
                    state.to_owned(),
                ]
            })
            .collect();
        let header = language.of(
            ["Device", "Site", "Ring", "Build", "Code", "State"],
            ["设备", "站点", "部署环", "版本", "代码", "状态"],
        );
        blocks.push(Block::table(&header, rows));
        if self.devices.len() > DEVICES_SHOWN {
            let more = self.devices.len() - DEVICES_SHOWN;
            blocks.push(Block::text(
                language.of(format!("And {more} more."), format!("另有 {more} 台。")),
            ));
        }
        Section::new(language.of("Scope", "范围"), blocks)
    }

    fn analysis(&self, language: Language) -> Section {
        let mut blocks = Vec::new();
        if self.evidence.is_empty() {
            blocks.push(Block::text(
                language.of("No line of evidence is kept.", "没有保留证据行。"),
            ));
        }
        blocks.extend(self.evidence.iter().map(EvidenceRow::quote));
        let telling: Vec<&FactorRow> = self.factors.iter().take(FACTORS_SHOWN).collect();
        if !telling.is_empty() {
            blocks.push(Block::text(language.of(
                "What these devices have more often than devices without an open failure (Fisher's exact test, Holm's correction):",
                "与没有未解决故障的设备相比，这些设备更常具有以下特征（Fisher 精确检验，Holm 校正）：",
            )));
            let header = language.of(
                ["Attribute", "Value", "Here", "Elsewhere", "p"],
                ["属性", "值", "本故障簇", "其他设备", "p"],
            );
            let rows = telling
                .iter()
                .map(|f| {
                    vec![
                        f.factor.clone(),
                        f.value.clone(),
                        format!("{} / {}", f.with_factor, f.devices),
                        format!("{} / {}", f.others_with_factor, f.others),
                        f.p_value
                            .map_or_else(|| "-".to_owned(), |p| format!("{p:.2e}")),
                    ]
                })
                .collect();
            blocks.push(Block::table(&header, rows));
        }
        Section::new(language.of("Analysis", "分析"), blocks)
    }

    fn remedy(&self, language: Language) -> Section {
        let c = &self.cluster;
        let steps = language.of(&c.actions_en, &c.actions_zh).clone();
        let mut blocks = if steps.is_empty() {
            vec![Block::text(
                language.of("No remedy is known.", "尚无已知的解决办法。"),
            )]
        } else {
            vec![Block::Steps { steps }]
        };
        if !c.example_device_id.is_empty() {
            let device = &c.example_device_id;
            blocks.push(Block::text(language.of(
                format!("As for {device}: paths, files and builds differ from device to device."),
                format!("以 {device} 为例：路径、文件和版本因设备而异。"),
            )));
        }
        if !self.donors.is_empty() {
            blocks.push(Block::text(language.of(
                "Changed files, and devices of the same build that a good copy can be taken from:",
                "已改变的文件，以及可提供完好副本的同版本设备：",
            )));
            let header = language.of(
                ["Device", "File", "Build", "Good copy on"],
                ["设备", "文件", "版本", "完好副本所在设备"],
            );
            let rows = self
                .donors
                .iter()
                .map(|d| {
                    vec![
                        d.device_id.clone(),
                        d.path.clone(),
                        d.os_build.clone(),
                        d.donor_device_id.clone(),
                    ]
                })
                .collect();
            blocks.push(Block::table(&header, rows));
        }
        Section::new(language.of("What to do", "处理办法"), blocks)
    }

    fn results(&self, language: Language) -> Section {
        let mut facts = Vec::new();
        if let Some(effect) = &self.effect {
            facts.push((
                language.of("Installed later", "之后已安装"),
                effect.installed_later.to_string(),
            ));
            if let Some(hours) = effect.median_hours {
                facts.push((
                    language.of("Median time to it", "所用时间中位数"),
                    language.of(format!("{hours:.1} h"), format!("{hours:.1} 小时")),
                ));
            }
            facts.push((
                language.of("Failed again the same way", "以同样方式再次失败"),
                effect.failed_again.to_string(),
            ));
            facts.push((
                language.of("Failed another way", "以其他方式失败"),
                effect.failed_otherwise.to_string(),
            ));
        }
        facts.push((
            language.of("Not attempted yet, and alike", "尚未尝试但情况相似的设备"),
            self.at_risk.to_string(),
        ));
        Section::new(
            language.of("Results so far", "目前结果"),
            vec![Block::facts(facts)],
        )
    }
}

impl EvidenceRow {
    pub(super) fn quote(&self) -> Block {
        let at = match self.record_id {
            Some(record) => format!("record {record}"),
            None => format!("{}, byte {}", self.line_number, self.byte_offset),
        };
        Block::Quote {
            place: format!("{} {}:{at}", self.device_id, self.source_file),
            text: self.text.clone(),
        }
    }
}
