//! The case of one device.

use serde::Deserialize;

use super::cluster::EvidenceRow;
use super::document::{Block, Document, Section};
use super::failure::{Failure, Standing, article};
use super::words::{Language, zone_note};
use crate::names::{outcome_name, substate_name};
use crate::{Param, Result, Store};

#[derive(Debug, Clone, Deserialize)]
pub(super) struct DeviceRow {
    pub(super) device_name: String,
    pub(super) os_build: String,
    pub(super) os_name: String,
    pub(super) model: String,
    pub(super) manufacturer: String,
    pub(super) site: String,
    pub(super) ring: String,
    pub(super) last_seen_at: String,
    pub(super) facts: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct DiagnosisRow {
    pub(super) diagnosis_id: String,
    pub(super) kb_article: Option<u32>,
    pub(super) cause: String,
    pub(super) error_code: Option<u32>,
    pub(super) error_symbol: String,
    pub(super) inner_code: Option<u32>,
    pub(super) culprit: String,
    pub(super) confidence: f64,
    pub(super) cluster_key: String,
    pub(super) summary_en: String,
    pub(super) summary_zh: String,
    pub(super) actions_en: Vec<String>,
    pub(super) actions_zh: Vec<String>,
    pub(super) is_open: u8,
    pub(super) is_alternative: u8,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct DiagnosisEvidenceRow {
    pub(super) diagnosis_id: String,
    #[serde(flatten)]
    pub(super) evidence: EvidenceRow,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct AttemptRow {
    pub(super) kb_article: Option<u32>,
    pub(super) started_at: Option<String>,
    pub(super) ended_at: Option<String>,
    pub(super) outcome: String,
    pub(super) furthest_client_substate: String,
    pub(super) error_code: Option<u32>,
}

/// Everything that the report of a device is made of.
#[derive(Debug, Clone)]
pub(super) struct DeviceCase {
    pub(super) device: DeviceRow,
    pub(super) diagnoses: Vec<DiagnosisRow>,
    pub(super) evidence: Vec<DiagnosisEvidenceRow>,
    pub(super) attempts: Vec<AttemptRow>,
}

impl Store {
    /// The case of a device; `None` when nothing of it was ever collected.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn device_case(
        &self,
        device_id: &str,
        language: Language,
    ) -> Result<Option<Document>> {
        let params = [("device_id", Param::from(device_id))];
        let devices: Vec<DeviceRow> = self
            .query_json(
                "read a device",
                include_str!("../../reports/page_device.sql"),
                &params,
            )
            .await?;
        let Some(device) = devices.into_iter().next() else {
            return Ok(None);
        };
        let case = DeviceCase {
            device,
            diagnoses: self
                .query_json(
                    "read the diagnoses of a device",
                    include_str!("../../reports/page_device_diagnoses.sql"),
                    &params,
                )
                .await?,
            evidence: self
                .query_json(
                    "read the evidence of a device",
                    include_str!("../../reports/page_device_evidence.sql"),
                    &params,
                )
                .await?,
            attempts: self
                .query_json(
                    "read the attempts of a device",
                    include_str!("../../reports/page_device_attempts.sql"),
                    &params,
                )
                .await?,
        };
        Ok(Some(case.document(language)))
    }
}

impl Store {
    /// Whether a planned rollout names the device, reported or not.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn is_planned(&self, device_id: &str) -> Result<bool> {
        let names: Vec<serde_json::Value> = self
            .query_json(
                "look for a device in the plans",
                "SELECT rollout_id FROM rollout_device FINAL PREWHERE device_id = {device_id:String} WHERE is_deleted = 0 LIMIT 1",
                &[("device_id", Param::from(device_id))],
            )
            .await?;
        Ok(!names.is_empty())
    }
}

/// What is to be known of the device's times; empty when nothing is.
fn times(facts: &str, language: Language) -> String {
    let facts: serde_json::Value = serde_json::from_str(facts).unwrap_or_default();
    let sources = facts
        .get("zone_assumed")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    let sources = sources.split(", ").filter(|source| !source.is_empty());
    zone_note(sources, language).unwrap_or_default()
}

fn hexadecimal(code: Option<u32>) -> String {
    code.map_or_else(String::new, |code| format!("0x{code:08x}"))
}

impl DeviceCase {
    /// Lays the case out.
    pub(super) fn document(&self, language: Language) -> Document {
        let d = &self.device;
        let model = [d.manufacturer.as_str(), d.model.as_str()].join(" ");
        let mut sections = vec![Section::new(
            language.of("Device", "设备"),
            vec![Block::facts([
                (language.of("Build", "版本"), d.os_build.clone()),
                (language.of("System", "系统"), d.os_name.clone()),
                (language.of("Model", "型号"), model.trim().to_owned()),
                (language.of("Site", "站点"), d.site.clone()),
                (language.of("Ring", "部署环"), d.ring.clone()),
                (language.of("Last seen", "最近上报"), d.last_seen_at.clone()),
                (language.of("Times", "时间"), times(&d.facts, language)),
            ])],
        )];
        if self.diagnoses.is_empty() {
            sections.push(Section::new(
                language.of("Problem", "问题"),
                vec![Block::text(
                    language.of("No failure found.", "未发现故障。"),
                )],
            ));
        }
        sections.extend(
            self.diagnoses
                .iter()
                .map(|diagnosis| self.failure(diagnosis, language).section(language)),
        );
        let header = language.of(
            ["Update", "Started", "Ended", "Outcome", "Got to", "Code"],
            ["更新", "开始", "结束", "结果", "到达阶段", "代码"],
        );
        let rows = self
            .attempts
            .iter()
            .map(|a| {
                vec![
                    article(a.kb_article),
                    a.started_at.clone().unwrap_or_default(),
                    a.ended_at.clone().unwrap_or_default(),
                    outcome_name(&a.outcome, language).to_owned(),
                    substate_name(&a.furthest_client_substate, language).to_owned(),
                    hexadecimal(a.error_code),
                ]
            })
            .collect();
        sections.push(Section::new(
            language.of("Results so far", "目前结果"),
            vec![Block::table(&header, rows)],
        ));
        Document {
            title: d.device_name.clone(),
            language: language.tag().to_owned(),
            sections,
        }
    }

    fn failure(&self, diagnosis: &DiagnosisRow, language: Language) -> Failure {
        let code = format!(
            "{} {}",
            hexadecimal(diagnosis.error_code),
            diagnosis.error_symbol
        );
        Failure {
            standing: Standing::of(
                diagnosis.is_open == 1,
                diagnosis.is_alternative == 1,
                diagnosis.confidence,
            ),
            cause: diagnosis.cause.clone(),
            summary: language
                .of(&diagnosis.summary_en, &diagnosis.summary_zh)
                .clone(),
            kb_article: diagnosis.kb_article,
            code: code.trim().to_owned(),
            inner_code: hexadecimal(diagnosis.inner_code),
            culprit: diagnosis.culprit.clone(),
            confidence: diagnosis.confidence,
            cluster_key: diagnosis.cluster_key.clone(),
            evidence: self
                .evidence
                .iter()
                .filter(|row| row.diagnosis_id == diagnosis.diagnosis_id)
                .map(|row| row.evidence.quote())
                .collect(),
            steps: language
                .of(&diagnosis.actions_en, &diagnosis.actions_zh)
                .clone(),
        }
    }
}
