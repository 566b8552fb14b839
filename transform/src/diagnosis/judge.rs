//! The verdict of a device: which causes, in which order, resting on what.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use patchlens_event::{EventId, Hresult};

use super::candidate::{Candidate, Material, Support};
use super::standout::{self, Usual};
use super::text;
use super::verdict::{self, GoodScans};
use crate::attempt::Attempt;
use crate::cluster::{KeyPart, joined, key_parts};
use crate::knowledge::{Role, Variables};
use crate::row::Row;

/// A hypothesis below this confidence is not worth a line beside a better one.
const SECOND_CONFIDENCE_MIN: f64 = 0.35;
/// How many hypotheses are listed for one attempt.
const HYPOTHESES_MAX: usize = 3;
/// What remains to be said of a failure that no evidence explains.
const UNKNOWN_CONFIDENCE: f64 = 0.1;
/// How many records are shown for one diagnosis.
const EVIDENCE_MAX: usize = 16;
/// The cause of what nothing explains.
const UNKNOWN: &str = "unknown";

/// Attempts and diagnoses of a device.
pub(crate) struct Judged {
    pub(crate) attempts: Vec<Attempt>,
    /// In order of rank.
    pub(crate) diagnoses: Vec<Diagnosis>,
}

/// One cause with its culprit.
#[expect(
    clippy::struct_field_names,
    reason = "`diagnosis_id` has its name in every table"
)]
#[derive(Debug, Clone)]
pub(crate) struct Diagnosis {
    pub(crate) diagnosis_id: String,
    /// Index of the attempt that represents it.
    pub(crate) attempt: Option<usize>,
    /// Index of the cause in the knowledge; `None` for `unknown` when no file describes it.
    pub(crate) cause: Option<usize>,
    pub(crate) cause_id: String,
    /// Cause and rule that hold; `None` for `unknown`.
    pub(crate) rule: Option<(usize, usize)>,
    pub(crate) kb: Option<u32>,
    pub(crate) error_code: Option<u32>,
    pub(crate) inner_code: Option<u32>,
    pub(crate) culprit: String,
    pub(crate) confidence: f64,
    pub(crate) cluster_key: String,
    /// What made the key.
    pub(crate) key: Vec<KeyPart>,
    /// The template of the line that stands out, where no rule knows the failure.
    template: String,
    pub(crate) phase: &'static str,
    pub(crate) variables: Variables,
    pub(crate) evidence: Vec<Support>,
    pub(crate) first_seen_at: Option<i64>,
    pub(crate) last_seen_at: Option<i64>,
    pub(crate) is_open: bool,
    /// 0 for the best hypothesis of an attempt, 1 for the next.
    hypothesis: usize,
}

/// Judges a device.
pub(crate) fn judge(
    device_id: &str,
    attempts: Vec<Attempt>,
    material: &Material<'_, '_>,
) -> Judged {
    let is_excerpt = attempts.iter().all(|attempt| {
        attempt
            .verdict_row
            .and_then(|row| material.rows.get(row))
            .is_none_or(|row| row.is_weak)
    });
    let scans = GoodScans::of(material.rows);
    let mut attempts = verdict::keep_telling(attempts, &scans, material.rows);
    verdict::name_updates(
        device_id,
        &mut attempts,
        &material.facts,
        material.reference,
    );
    let mut found: Vec<Diagnosis> = Vec::new();
    // Looked for once, and only where something is unexplained.
    let usual = OnceCell::new();
    for (index, attempt) in verdict::worth_judging(&attempts, material.rows) {
        let facts = &material.facts;
        let is_open = !verdict::is_made_good(attempt, &attempts, &scans, facts, material.rows);
        let then = material.at(attempt, &attempts);
        let candidates = worth_listing(&then.causes_of(attempt), material);
        if candidates.is_empty() {
            let usual = usual.get_or_init(|| standout::usual(&attempts, material.rows));
            found.push(unknown(index, attempt, usual, is_open, material));
        }
        found.extend(
            candidates.into_iter().enumerate().map(|(rank, candidate)| {
                of_attempt(rank, candidate, index, attempt, is_open, &then)
            }),
        );
    }
    for candidate in material.standing(is_excerpt) {
        let standing = of_device(candidate, &attempts, material);
        if !found
            .iter()
            .any(|known| known.cause_id == standing.cause_id)
        {
            found.push(standing);
        }
    }
    name_attempts(&found, &mut attempts);
    let found = with_named_culprits(found, material);
    Judged {
        diagnoses: ranked(device_id, merged(found), &attempts),
        attempts,
    }
}

/// The best hypothesis, and others that it does not explain.
fn worth_listing(candidates: &[Candidate], material: &Material<'_, '_>) -> Vec<Candidate> {
    let Some(explains) = candidates
        .first()
        .and_then(|best| material.knowledge.causes.get(best.cause))
        .map(|cause| &cause.explains)
    else {
        return Vec::new();
    };
    let id = |candidate: &Candidate| {
        material
            .knowledge
            .causes
            .get(candidate.cause)
            .map_or("", |cause| cause.id.as_str())
    };
    let others = candidates.iter().skip(1).filter(|other| {
        other.confidence >= SECOND_CONFIDENCE_MIN
            && !explains.iter().any(|cause| cause == id(other))
    });
    candidates
        .iter()
        .take(1)
        .chain(others)
        .take(HYPOTHESES_MAX)
        .cloned()
        .collect()
}

fn of_attempt(
    hypothesis: usize,
    candidate: Candidate,
    index: usize,
    attempt: &Attempt,
    is_open: bool,
    material: &Material<'_, '_>,
) -> Diagnosis {
    let verdict = attempt.verdict_row.map(|row| Support {
        row,
        role: Role::Verdict,
        fact: None,
    });
    let evidence = verdict
        .into_iter()
        .chain(
            candidate
                .evidence
                .iter()
                .filter(|support| {
                    support.fact.is_some() || Some(support.row) != attempt.verdict_row
                })
                .cloned(),
        )
        .collect();
    let inner_code = candidate
        .inner_code
        .filter(|code| Some(*code) != attempt.error_code)
        .or(attempt.inner_code);
    let mut diagnosis = new_diagnosis(candidate, evidence, material);
    diagnosis.attempt = Some(index);
    diagnosis.kb = attempt.kb.or(diagnosis.kb);
    diagnosis.error_code = attempt.error_code;
    diagnosis.inner_code = inner_code;
    diagnosis.phase = attempt.phase.map_or("", crate::attempt::Phase::as_str);
    diagnosis.is_open = is_open;
    diagnosis.hypothesis = hypothesis;
    diagnosis.first_seen_at = attempt.window.map(|window| window.0);
    diagnosis.last_seen_at = attempt.window.map(|window| window.1);
    finish_key(&mut diagnosis);
    diagnosis
}

fn of_device(candidate: Candidate, attempts: &[Attempt], material: &Material<'_, '_>) -> Diagnosis {
    let evidence = candidate.evidence.clone();
    let mut diagnosis = new_diagnosis(candidate, evidence, material);
    let rows = || {
        diagnosis
            .evidence
            .iter()
            .filter_map(|support| material.rows.get(support.row))
    };
    let error_code = rows().find_map(|row| row.error_code);
    let times: Vec<i64> = rows().filter_map(|row| row.time).collect();
    diagnosis.error_code = error_code;
    diagnosis.first_seen_at = times.iter().min().copied();
    diagnosis.last_seen_at = times.iter().max().copied();
    // An update that was installed after it shows that it no longer stands in the way.
    diagnosis.is_open = !diagnosis.last_seen_at.is_some_and(|seen| {
        attempts.iter().any(|attempt| {
            attempt.succeeded() && verdict::is_system_update(attempt) && attempt.started_at > seen
        })
    });
    finish_key(&mut diagnosis);
    diagnosis
}

fn new_diagnosis(
    candidate: Candidate,
    evidence: Vec<Support>,
    material: &Material<'_, '_>,
) -> Diagnosis {
    let cause_id = material
        .knowledge
        .causes
        .get(candidate.cause)
        .map_or(UNKNOWN, |cause| cause.id.as_str())
        .to_owned();
    Diagnosis {
        diagnosis_id: String::new(),
        attempt: None,
        cause: Some(candidate.cause),
        rule: Some((candidate.cause, candidate.rule)),
        cause_id,
        kb: candidate.kb,
        error_code: None,
        inner_code: candidate.inner_code,
        culprit: candidate.culprit,
        confidence: candidate.confidence,
        cluster_key: String::new(),
        key: Vec::new(),
        template: String::new(),
        phase: "",
        variables: candidate.variables,
        evidence,
        first_seen_at: None,
        last_seen_at: None,
        is_open: true,
        hypothesis: 0,
    }
}

/// Says openly that nothing explains the failure, with the evidence of the verdict and of the lines
/// with the root code.
fn unknown(
    index: usize,
    attempt: &Attempt,
    usual: &Usual,
    is_open: bool,
    material: &Material<'_, '_>,
) -> Diagnosis {
    let verdict = attempt.verdict_row.map(|row| Support {
        row,
        role: Role::Verdict,
        fact: None,
    });
    let standout = standout::of(attempt, usual, material.rows);
    let template = standout
        .and_then(|row| material.rows.get(row))
        .map_or_else(String::new, standout::template);
    let has_root = |row: &usize| {
        material
            .rows
            .get(*row)
            .is_some_and(|row| row.error_code.is_some() && row.error_code == attempt.root_code())
    };
    let roots = attempt.rows.iter().copied().filter(has_root);
    let context = standout
        .into_iter()
        .chain(roots.filter(|row| Some(*row) != standout))
        .filter(|row| Some(*row) != attempt.verdict_row)
        .take(3)
        .map(|row| Support {
            row,
            role: Role::Context,
            fact: None,
        });
    let evidence = verdict.into_iter().chain(context).collect();
    let cause = material
        .knowledge
        .causes
        .iter()
        .position(|cause| cause.id == UNKNOWN);
    let mut diagnosis = Diagnosis {
        diagnosis_id: String::new(),
        attempt: Some(index),
        cause,
        rule: None,
        cause_id: UNKNOWN.to_owned(),
        kb: attempt.kb,
        error_code: attempt.error_code,
        inner_code: attempt.inner_code,
        culprit: String::new(),
        confidence: UNKNOWN_CONFIDENCE,
        cluster_key: String::new(),
        key: Vec::new(),
        template,
        phase: attempt.phase.map_or("", crate::attempt::Phase::as_str),
        variables: Variables::new(),
        evidence,
        first_seen_at: attempt.window.map(|window| window.0),
        last_seen_at: attempt.window.map(|window| window.1),
        is_open,
        hypothesis: 0,
    };
    finish_key(&mut diagnosis);
    diagnosis
}

fn finish_key(diagnosis: &mut Diagnosis) {
    diagnosis.key = key_parts(
        &diagnosis.cause_id,
        &diagnosis.culprit,
        diagnosis.inner_code.or(diagnosis.error_code),
        diagnosis.phase,
        &diagnosis.template,
    );
    diagnosis.cluster_key = joined(&diagnosis.key);
}

/// A comparison that names one update names the attempt's, where the attempt does not.
fn name_attempts(found: &[Diagnosis], attempts: &mut [Attempt]) {
    for diagnosis in found.iter().filter(|diagnosis| diagnosis.hypothesis == 0) {
        if let Some(attempt) = diagnosis.attempt.and_then(|index| attempts.get_mut(index)) {
            attempt.kb = attempt.kb.or(diagnosis.kb);
            attempt.inner_code = attempt.inner_code.or(diagnosis.inner_code);
        }
    }
}

/// What one attempt's log shows, another's may not: a log that was trimmed, a servicing stack that
/// finds the damage only once. Where an attempt fails with the code of another one that names its
/// culprit, and nothing of its own says more than that code, it fails for the named reason.
fn with_named_culprits(mut found: Vec<Diagnosis>, material: &Material<'_, '_>) -> Vec<Diagnosis> {
    let explains = |named: &Diagnosis, bare: &Diagnosis| {
        let cause = named
            .cause
            .and_then(|cause| material.knowledge.causes.get(cause));
        let is_unknown = bare.cause_id == UNKNOWN;
        is_unknown || cause.is_some_and(|cause| cause.explains.contains(&bare.cause_id))
    };
    // A wrapper says nothing of what is beneath it: two unknown failures share it by chance.
    let tells = |code: Option<u32>, bare: &Diagnosis| {
        code.is_some_and(|code| {
            bare.cause_id != UNKNOWN || !material.knowledge.codes.is_wrapper(Hresult(code))
        })
    };
    let named: Vec<Diagnosis> = found
        .iter()
        .filter(|known| {
            known.attempt.is_some()
                && known.is_open
                && known.hypothesis == 0
                && !known.culprit.is_empty()
        })
        .cloned()
        .collect();
    for bare in found.iter_mut().filter(|bare| {
        bare.attempt.is_some() && bare.is_open && bare.hypothesis == 0 && bare.culprit.is_empty()
    }) {
        let reason = named
            .iter()
            .filter(|known| {
                let same_code = tells(known.error_code, bare)
                    && known.error_code == bare.error_code
                    || known.inner_code.is_some() && known.inner_code == bare.inner_code;
                same_code && known.confidence > bare.confidence && explains(known, bare)
            })
            .max_by(|left, right| left.confidence.total_cmp(&right.confidence));
        if let Some(reason) = reason {
            let mut evidence: Vec<Support> = bare
                .evidence
                .iter()
                .filter(|support| support.role == Role::Verdict)
                .cloned()
                .collect();
            evidence.extend(reason.evidence.iter().cloned());
            *bare = Diagnosis {
                attempt: bare.attempt,
                kb: bare.kb,
                error_code: bare.error_code,
                inner_code: bare.inner_code,
                phase: bare.phase,
                first_seen_at: bare.first_seen_at,
                last_seen_at: bare.last_seen_at,
                evidence,
                ..reason.clone()
            };
        }
    }
    found
}

/// Attempts that fail for the same reason are one diagnosis: the newest open attempt represents it.
fn merged(found: Vec<Diagnosis>) -> Vec<Diagnosis> {
    let mut by_key: BTreeMap<String, Diagnosis> = BTreeMap::new();
    for diagnosis in found {
        let Some(known) = by_key.remove(&diagnosis.cluster_key) else {
            by_key.insert(diagnosis.cluster_key.clone(), diagnosis);
            continue;
        };
        let first_seen_at = [known.first_seen_at, diagnosis.first_seen_at]
            .into_iter()
            .flatten()
            .min();
        let last_seen_at = [known.last_seen_at, diagnosis.last_seen_at]
            .into_iter()
            .flatten()
            .max();
        let hypothesis = known.hypothesis.min(diagnosis.hypothesis);
        let is_open = known.is_open || diagnosis.is_open;
        let newer = (diagnosis.is_open, diagnosis.last_seen_at, diagnosis.attempt)
            > (known.is_open, known.last_seen_at, known.attempt);
        let (kept, other) = if newer {
            (diagnosis, known)
        } else {
            (known, diagnosis)
        };
        let mut evidence = kept.evidence.clone();
        evidence.extend(
            other
                .evidence
                .into_iter()
                .filter(|support| !kept.evidence.contains(support)),
        );
        evidence.truncate(EVIDENCE_MAX);
        by_key.insert(
            kept.cluster_key.clone(),
            Diagnosis {
                evidence,
                first_seen_at,
                last_seen_at,
                is_open,
                hypothesis,
                ..kept
            },
        );
    }
    by_key.into_values().collect()
}

/// Open before closed, explained before unknown, first hypotheses before second, newest attempt
/// first, then by confidence.
fn ranked(device_id: &str, mut diagnoses: Vec<Diagnosis>, attempts: &[Attempt]) -> Vec<Diagnosis> {
    let started_at = |diagnosis: &Diagnosis| {
        diagnosis
            .attempt
            .and_then(|index| attempts.get(index))
            .map(|attempt| attempt.started_at)
    };
    diagnoses.sort_by(|left, right| {
        let key = |d: &Diagnosis| {
            (
                !d.is_open,
                d.hypothesis > 0,
                d.cause_id == UNKNOWN,
                std::cmp::Reverse(started_at(d)),
            )
        };
        key(left)
            .cmp(&key(right))
            .then_with(|| right.confidence.total_cmp(&left.confidence))
            .then_with(|| left.cluster_key.cmp(&right.cluster_key))
    });
    for diagnosis in &mut diagnoses {
        diagnosis.diagnosis_id = EventId::from_parts(&[
            b"diagnosis.v1",
            device_id.as_bytes(),
            diagnosis.cluster_key.as_bytes(),
        ])
        .to_string();
    }
    diagnoses
}

/// The text of a piece of evidence.
pub(crate) fn evidence_text(row: &Row<'_>, fact: Option<&str>, value: Option<&str>) -> String {
    match (fact, value) {
        (Some(fact), Some(value)) => format!("{fact} = {value}"),
        _ if row.source == "setupapi_log" => text::section_in_words(row),
        _ => row.message.to_owned(),
    }
}
