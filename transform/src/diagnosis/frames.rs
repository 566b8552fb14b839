//! Lays the results of all devices out as frames.

mod columns;

use std::collections::BTreeMap;

use patchlens_event::{Hresult, inventory};

use super::candidate::Material;
use super::judge::{Diagnosis, Judged, evidence_text};
use super::text::{Language, render};
use crate::attempt::Attempt;
use crate::schema;
use crate::symbols::printed_symbols;

pub(super) use columns::diagnosed;

/// All results of one device.
pub(crate) struct DeviceResult {
    device: DeviceRow,
    attempts: Vec<Attempt>,
    diagnoses: Vec<DiagnosisRow>,
}

struct DeviceRow {
    device_id: String,
    device_name: String,
    facts: Vec<(&'static str, String)>,
    build_number: Option<u32>,
    ubr: Option<u32>,
    last_seen_at: Option<i64>,
    facts_json: String,
}

struct DiagnosisRow {
    diagnosis: Diagnosis,
    attempt_id: String,
    alert_subtype: String,
    error_symbol: String,
    summary: [String; 2],
    actions: [Vec<String>; 2],
    evidence: Vec<EvidenceRow>,
}

struct EvidenceRow {
    event_id: String,
    source: String,
    file: String,
    line: u64,
    byte_offset: u64,
    record_id: Option<u64>,
    occurred_at: Option<i64>,
    text: String,
    role: &'static str,
}

/// Facts that are columns of their own.
const FACT_COLUMNS: [(&str, &str); 9] = [
    (schema::OS_BUILD, inventory::OS_BUILD),
    (schema::OS_NAME, inventory::OS_NAME),
    (schema::OS_EDITION, inventory::OS_EDITION),
    (schema::ARCHITECTURE, inventory::ARCHITECTURE),
    (schema::MODEL, inventory::MODEL),
    (schema::MANUFACTURER, inventory::MANUFACTURER),
    (schema::SITE, inventory::SITE),
    (schema::RING, inventory::RING),
    (schema::LOCALE, inventory::LOCALE),
];

/// Takes what the frames need out of the material, which borrows from the events.
pub(super) fn device_result(
    device_id: &str,
    name: &str,
    last_seen_at: Option<i64>,
    judged: Judged,
    material: &Material<'_, '_>,
) -> DeviceResult {
    let planned = material
        .reference
        .rollout_devices
        .of_device(device_id)
        .next();
    let fact = |(column, fact): &(&'static str, &str)| {
        let stated = material.facts.get(fact).unwrap_or_default();
        let from_plan = planned.map_or("", |device| match *column {
            schema::SITE => device.site.as_str(),
            schema::RING => device.ring.as_str(),
            _ => "",
        });
        (
            *column,
            if stated.is_empty() { from_plan } else { stated }.to_owned(),
        )
    };
    let build = material.facts.build();
    let device_name = Some(name)
        .filter(|name| !name.is_empty())
        .or_else(|| material.facts.get(inventory::DEVICE_NAME))
        .unwrap_or(device_id);
    let device = DeviceRow {
        device_id: device_id.to_owned(),
        device_name: device_name.to_owned(),
        facts: FACT_COLUMNS.iter().map(fact).collect(),
        build_number: build.map(|build| build.number),
        ubr: build.and_then(|build| build.ubr),
        last_seen_at,
        facts_json: material.facts.json(&super::derived::facts(
            device_id,
            &judged.attempts,
            material,
        )),
    };
    let diagnoses = judged
        .diagnoses
        .into_iter()
        .map(|diagnosis| diagnosis_row(diagnosis, &judged.attempts, device_name, material))
        .collect();
    DeviceResult {
        device,
        attempts: judged.attempts,
        diagnoses,
    }
}

fn diagnosis_row(
    diagnosis: Diagnosis,
    attempts: &[Attempt],
    device_name: &str,
    material: &Material<'_, '_>,
) -> DiagnosisRow {
    let codes = &material.knowledge.codes;
    let symbol = |code: Option<u32>| code.map_or("", |code| codes.symbol(Hresult(code)));
    let harvested = diagnosis
        .error_code
        .and_then(|code| harvested_symbol(code, material));
    let error_symbol = harvested.unwrap_or_else(|| symbol(diagnosis.error_code).to_owned());
    let mut variables = diagnosis.variables.clone();
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            variables.entry(name.to_owned()).or_insert(value);
        }
    };
    set("culprit", Some(diagnosis.culprit.clone()));
    set(
        "file",
        Some(crate::normalise::file_name(&diagnosis.culprit).to_owned()),
    );
    set("kb", diagnosis.kb.map(|kb| format!("KB{kb}")));
    set(
        "code",
        diagnosis.error_code.map(|code| Hresult(code).to_string()),
    );
    set("symbol", Some(error_symbol.clone()));
    set(
        "inner",
        diagnosis.inner_code.map(|code| Hresult(code).to_string()),
    );
    set(
        "inner_symbol",
        Some(symbol(diagnosis.inner_code).to_owned()),
    );
    set("phase", Some(diagnosis.phase.to_owned()));
    set("device", Some(device_name.to_owned()));
    set(
        "build",
        material.facts.get(inventory::OS_BUILD).map(str::to_owned),
    );
    let meaning = diagnosis
        .error_code
        .and_then(|code| codes.get(Hresult(code)));
    set(
        "meaning_en",
        meaning.map(|entry| entry.meaning_en.to_owned()),
    );
    set(
        "meaning_zh",
        meaning.map(|entry| entry.meaning_zh.to_owned()),
    );
    let cause = diagnosis
        .cause
        .and_then(|index| material.knowledge.causes.get(index));
    let texts = |templates: Option<&Vec<String>>, language| {
        templates
            .map(|templates| {
                templates
                    .iter()
                    .map(|text| render(text, &variables, language))
                    .collect()
            })
            .unwrap_or_default()
    };
    let one = |template: Option<&String>, language| {
        template
            .map(|text| render(text, &variables, language))
            .unwrap_or_default()
    };
    DiagnosisRow {
        attempt_id: diagnosis
            .attempt
            .and_then(|index| attempts.get(index))
            .map(|attempt| attempt.attempt_id.clone())
            .unwrap_or_default(),
        alert_subtype: cause.map_or_else(
            || "InstallIssue".to_owned(),
            |cause| cause.alert_subtype.clone(),
        ),
        error_symbol,
        summary: [
            one(cause.map(|c| &c.summary_en), Language::English),
            one(cause.map(|c| &c.summary_zh), Language::Chinese),
        ],
        actions: [
            texts(cause.map(|c| &c.actions_en), Language::English),
            texts(cause.map(|c| &c.actions_zh), Language::Chinese),
        ],
        evidence: evidence_rows(&diagnosis, material),
        diagnosis,
    }
}

/// The symbol that the device's own logs print beside a code: `[HRESULT = 0x800f0823 - CBS_E_…]`.
fn harvested_symbol(code: u32, material: &Material<'_, '_>) -> Option<String> {
    material
        .rows
        .iter()
        .filter(|row| row.error_code == Some(code))
        .find_map(|row| {
            let (_, symbol) = printed_symbols(row.message).find(|(printed, _)| *printed == code)?;
            Some(symbol.to_owned())
        })
}

fn evidence_rows(diagnosis: &Diagnosis, material: &Material<'_, '_>) -> Vec<EvidenceRow> {
    let row = |support: &super::candidate::Support| {
        let row = material.rows.get(support.row)?;
        // As this reading states it: a later one may state it otherwise.
        let stated: BTreeMap<String, String> = support
            .fact
            .as_ref()
            .map(|_| serde_json::from_str(row.fields).unwrap_or_default())
            .unwrap_or_default();
        let value = support
            .fact
            .as_deref()
            .and_then(|fact| stated.get(fact))
            .map(String::as_str);
        Some(EvidenceRow {
            event_id: row.event_id.to_owned(),
            source: row.source.to_owned(),
            file: row.file.to_owned(),
            line: row.line,
            byte_offset: row.byte_offset,
            record_id: row.record_id,
            occurred_at: row.occurred_at,
            text: evidence_text(row, support.fact.as_deref(), value),
            role: support.role.as_str(),
        })
    };
    diagnosis.evidence.iter().filter_map(row).collect()
}
