//! Columns out of the results of all devices.

use polars::prelude::*;

use super::{DeviceResult, DiagnosisRow, EvidenceRow};
use crate::attempt::Attempt;
use crate::diagnosis::Diagnosed;
use crate::diagnosis::judge::Diagnosis;
use crate::frame::microseconds;
use crate::schema;

/// Puts the results of all devices into frames.
pub(in crate::diagnosis) fn diagnosed(results: &[DeviceResult]) -> PolarsResult<Diagnosed> {
    Ok(Diagnosed {
        devices: devices(results)?,
        attempts: attempts(results)?,
        diagnoses: diagnoses(results)?,
        evidence: evidence(results)?,
    })
}

fn strings<'a>(name: &str, values: impl Iterator<Item = &'a str>) -> Column {
    Column::new(name.into(), values.collect::<Vec<_>>())
}

fn numbers(name: &str, values: impl Iterator<Item = Option<u32>>) -> Column {
    Column::new(name.into(), values.collect::<Vec<_>>())
}

fn instants(name: &str, values: impl Iterator<Item = Option<i64>>) -> Column {
    microseconds(name, values, Some(TimeZone::UTC))
}

fn lists<'a, L: Iterator<Item = &'a str>>(
    name: &str,
    values: impl ExactSizeIterator<Item = L>,
) -> Column {
    let mut builder = ListStringChunkedBuilder::new(name.into(), values.len(), values.len());
    for list in values {
        builder.append_values_iter(list);
    }
    builder.finish().into_column()
}

fn devices(results: &[DeviceResult]) -> PolarsResult<DataFrame> {
    let rows = || results.iter().map(|result| &result.device);
    let fact = |name: &str| {
        strings(
            name,
            rows().map(|row| {
                row.facts
                    .iter()
                    .find(|(column, _)| *column == name)
                    .map_or("", |(_, value)| value.as_str())
            }),
        )
    };
    DataFrame::new(
        results.len(),
        vec![
            strings(schema::DEVICE_ID, rows().map(|row| row.device_id.as_str())),
            strings(
                schema::DEVICE_NAME,
                rows().map(|row| row.device_name.as_str()),
            ),
            fact(schema::OS_BUILD),
            numbers(schema::OS_BUILD_NUMBER, rows().map(|row| row.build_number)),
            numbers(schema::UBR, rows().map(|row| row.ubr)),
            fact(schema::OS_NAME),
            fact(schema::OS_EDITION),
            fact(schema::ARCHITECTURE),
            fact(schema::MODEL),
            fact(schema::MANUFACTURER),
            fact(schema::SITE),
            fact(schema::RING),
            fact(schema::LOCALE),
            instants(schema::LAST_SEEN_AT, rows().map(|row| row.last_seen_at)),
            strings(schema::FACTS, rows().map(|row| row.facts_json.as_str())),
        ],
    )
}

fn attempts(results: &[DeviceResult]) -> PolarsResult<DataFrame> {
    let rows: Vec<(&str, &Attempt)> = results
        .iter()
        .flat_map(|result| {
            result
                .attempts
                .iter()
                .map(|attempt| (result.device.device_id.as_str(), attempt))
        })
        .collect();
    let text = |name: &str, value: fn(&Attempt) -> &str| {
        strings(name, rows.iter().map(|(_, attempt)| value(attempt)))
    };
    let number = |name: &str, value: fn(&Attempt) -> Option<u32>| {
        numbers(name, rows.iter().map(|(_, attempt)| value(attempt)))
    };
    DataFrame::new(
        rows.len(),
        vec![
            strings(
                schema::DEVICE_ID,
                rows.iter().map(|(device_id, _)| *device_id),
            ),
            text(schema::ATTEMPT_ID, |attempt| &attempt.attempt_id),
            number(schema::KB_ARTICLE, |attempt| attempt.kb),
            text(schema::TITLE, |attempt| &attempt.title),
            instants(
                schema::STARTED_AT,
                rows.iter().map(|(_, attempt)| Some(attempt.started_at)),
            ),
            instants(
                schema::ENDED_AT,
                rows.iter().map(|(_, attempt)| attempt.ended_at),
            ),
            text(schema::OUTCOME, |attempt| attempt.outcome.as_str()),
            text(schema::FURTHEST_CLIENT_SUBSTATE, |attempt| {
                attempt.furthest_client_substate
            }),
            text(schema::CLIENT_STATE, |attempt| attempt.client_state),
            text(schema::CLIENT_SUBSTATE, |attempt| attempt.client_substate),
            number(schema::ERROR_CODE, |attempt| attempt.error_code),
            number(schema::INNER_CODE, |attempt| attempt.inner_code),
            number(schema::EXTEND_CODE, |attempt| attempt.extend_code),
            text(schema::PHASE, |attempt| {
                attempt.phase.map_or("", crate::attempt::Phase::as_str)
            }),
            lists(
                schema::SOURCES,
                rows.iter()
                    .map(|(_, attempt)| attempt.sources.iter().map(String::as_str)),
            ),
        ],
    )
}

fn diagnoses(results: &[DeviceResult]) -> PolarsResult<DataFrame> {
    let rows: Vec<(&str, usize, &DiagnosisRow)> = results
        .iter()
        .flat_map(|result| {
            result
                .diagnoses
                .iter()
                .enumerate()
                .map(|(rank, row)| (result.device.device_id.as_str(), rank, row))
        })
        .collect();
    let text = |name: &str, value: fn(&DiagnosisRow) -> &str| {
        strings(name, rows.iter().map(|(_, _, row)| value(row)))
    };
    let number = |name: &str, value: fn(&Diagnosis) -> Option<u32>| {
        numbers(name, rows.iter().map(|(_, _, row)| value(&row.diagnosis)))
    };
    let time = |name: &str, value: fn(&Diagnosis) -> Option<i64>| {
        instants(name, rows.iter().map(|(_, _, row)| value(&row.diagnosis)))
    };
    let list = |name: &str, value: fn(&DiagnosisRow) -> &Vec<String>| {
        lists(
            name,
            rows.iter()
                .map(|(_, _, row)| value(row).iter().map(String::as_str)),
        )
    };
    DataFrame::new(
        rows.len(),
        vec![
            strings(
                schema::DEVICE_ID,
                rows.iter().map(|(device_id, _, _)| *device_id),
            ),
            text(schema::DIAGNOSIS_ID, |row| &row.diagnosis.diagnosis_id),
            Column::new(
                schema::RANK.into(),
                rows.iter()
                    .map(|(_, rank, _)| u16::try_from(*rank).unwrap_or(u16::MAX))
                    .collect::<Vec<_>>(),
            ),
            text(schema::ATTEMPT_ID, |row| &row.attempt_id),
            number(schema::KB_ARTICLE, |diagnosis| diagnosis.kb),
            text(schema::CAUSE, |row| &row.diagnosis.cause_id),
            text(schema::ALERT_SUBTYPE, |row| &row.alert_subtype),
            number(schema::ERROR_CODE, |diagnosis| diagnosis.error_code),
            text(schema::ERROR_SYMBOL, |row| &row.error_symbol),
            number(schema::INNER_CODE, |diagnosis| diagnosis.inner_code),
            text(schema::CULPRIT, |row| &row.diagnosis.culprit),
            Column::new(
                schema::CONFIDENCE.into(),
                rows.iter()
                    .map(|(_, _, row)| row.diagnosis.confidence)
                    .collect::<Vec<_>>(),
            ),
            text(schema::CLUSTER_KEY, |row| &row.diagnosis.cluster_key),
            text(schema::PHASE, |row| row.diagnosis.phase),
            text(schema::SUMMARY_EN, |row| {
                row.summary.first().map_or("", String::as_str)
            }),
            text(schema::SUMMARY_ZH, |row| {
                row.summary.last().map_or("", String::as_str)
            }),
            list(schema::ACTIONS_EN, |row| &row.actions[0]),
            list(schema::ACTIONS_ZH, |row| &row.actions[1]),
            time(schema::FIRST_SEEN_AT, |diagnosis| diagnosis.first_seen_at),
            time(schema::LAST_SEEN_AT, |diagnosis| diagnosis.last_seen_at),
            Column::new(
                schema::IS_OPEN.into(),
                rows.iter()
                    .map(|(_, _, row)| u8::from(row.diagnosis.is_open))
                    .collect::<Vec<_>>(),
            ),
        ],
    )
}

fn evidence(results: &[DeviceResult]) -> PolarsResult<DataFrame> {
    let rows: Vec<(&str, &str, usize, &EvidenceRow)> = results
        .iter()
        .flat_map(|result| {
            result
                .diagnoses
                .iter()
                .map(|row| (result.device.device_id.as_str(), row))
        })
        .flat_map(|(device_id, row)| {
            row.evidence.iter().enumerate().map(move |(seq, evidence)| {
                (
                    device_id,
                    row.diagnosis.diagnosis_id.as_str(),
                    seq,
                    evidence,
                )
            })
        })
        .collect();
    let text = |name: &str, value: fn(&EvidenceRow) -> &str| {
        strings(name, rows.iter().map(|(.., row)| value(row)))
    };
    DataFrame::new(
        rows.len(),
        vec![
            strings(
                schema::DEVICE_ID,
                rows.iter().map(|(device_id, ..)| *device_id),
            ),
            strings(
                schema::DIAGNOSIS_ID,
                rows.iter().map(|(_, diagnosis_id, ..)| *diagnosis_id),
            ),
            Column::new(
                schema::SEQ.into(),
                rows.iter()
                    .map(|(_, _, seq, _)| u16::try_from(*seq).unwrap_or(u16::MAX))
                    .collect::<Vec<_>>(),
            ),
            text(schema::EVENT_ID, |row| &row.event_id),
            text(schema::SOURCE, |row| &row.source),
            text(schema::SOURCE_FILE, |row| &row.file),
            Column::new(
                schema::LINE_NUMBER.into(),
                rows.iter().map(|(.., row)| row.line).collect::<Vec<_>>(),
            ),
            Column::new(
                schema::BYTE_OFFSET.into(),
                rows.iter()
                    .map(|(.., row)| row.byte_offset)
                    .collect::<Vec<_>>(),
            ),
            Column::new(
                schema::RECORD_ID.into(),
                rows.iter()
                    .map(|(.., row)| row.record_id)
                    .collect::<Vec<_>>(),
            ),
            instants(
                schema::OCCURRED_AT,
                rows.iter().map(|(.., row)| row.occurred_at),
            ),
            text(schema::TEXT, |row| &row.text),
            text(schema::ROLE, |row| row.role),
        ],
    )
}
