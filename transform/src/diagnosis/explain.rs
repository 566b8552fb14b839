//! Why a diagnosis is what it is: what made its key, which rule holds on what, and what else was
//! considered and why it does not come first.

use schemars::JsonSchema;
use serde::Serialize;

use super::candidate::{Candidate, Material, Place};
use super::checks;
use super::judge::Diagnosis;
use crate::attempt::Attempt;
use crate::cluster::KeyPart;
use crate::knowledge::{Codes, Rule, Variables};

/// How many rejected causes are told.
const REJECTED_MAX: usize = 12;

/// Why one diagnosis of a device is what it is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Explanation {
    /// The device.
    pub device_id: String,
    /// The key of the cluster that the diagnosis belongs to.
    pub cluster_key: String,
    /// The parts that made the key, in order.
    pub key: Vec<KeyPart>,
    /// The cause.
    pub cause: String,
    /// The rule that holds, `cause/rule`; null where none does.
    pub rule: Option<String>,
    /// What the rule asks for, all of which is there.
    pub conditions: Vec<String>,
    /// 0 to 1.
    pub confidence: f64,
    /// Other causes that were considered, and why they do not come first.
    pub considered: Vec<Considered>,
}

/// A cause that does not come first.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Considered {
    /// The cause.
    pub cause: String,
    /// The rule that comes nearest.
    pub rule: String,
    /// What the rule would be worth, 0 to 1; null when it does not hold.
    pub confidence: Option<f64>,
    /// Why it does not come first.
    pub why_not: String,
}

/// Explains one diagnosis. `attempt` is the one that it is about, `material` what was known then.
pub(super) fn explain(
    device_id: &str,
    diagnosis: &Diagnosis,
    attempt: Option<&Attempt>,
    material: &Material<'_, '_>,
) -> Explanation {
    let rule = diagnosis.rule.and_then(|(cause, rule)| {
        let cause = material.knowledge.causes.get(cause)?;
        Some((cause.id.as_str(), cause.rules.get(rule)?))
    });
    Explanation {
        device_id: device_id.to_owned(),
        cluster_key: diagnosis.cluster_key.clone(),
        key: diagnosis.key.clone(),
        cause: diagnosis.cause_id.clone(),
        rule: rule.map(|(cause, rule)| format!("{cause}/{}", rule.id)),
        conditions: rule.map_or_else(Vec::new, |(_, rule)| {
            rule.in_words(&material.knowledge.needles, &material.knowledge.conditions)
        }),
        confidence: diagnosis.confidence,
        considered: attempt
            .map_or_else(Vec::new, |attempt| considered(diagnosis, attempt, material)),
    }
}

fn considered(
    diagnosis: &Diagnosis,
    attempt: &Attempt,
    material: &Material<'_, '_>,
) -> Vec<Considered> {
    let found = material.causes_of(attempt);
    let explained = diagnosis
        .cause
        .and_then(|cause| material.knowledge.causes.get(cause))
        .map_or(&[][..], |cause| cause.explains.as_slice());
    let mut told: Vec<Considered> = found
        .iter()
        .filter(|candidate| Some(candidate.cause) != diagnosis.cause)
        .filter_map(|candidate| listed(candidate, explained, material))
        .collect();
    let place = Place::of(attempt);
    for (index, cause) in material.knowledge.causes.iter().enumerate() {
        let is_found = found.iter().any(|candidate| candidate.cause == index);
        if is_found || Some(index) == diagnosis.cause {
            continue;
        }
        // Only what the attempt's codes point to is worth a word.
        let pointed_to = cause.rules.iter().find(|rule| {
            let fits = |codes: &Codes| attempt.codes().any(|code| codes.contains(code));
            fits(&rule.codes) || fits(&rule.codes_within)
        });
        if let Some(rule) = pointed_to {
            told.push(Considered {
                cause: cause.id.clone(),
                rule: rule.id.clone(),
                confidence: None,
                why_not: why_not(rule, attempt, &place, material),
            });
        }
    }
    told.truncate(REJECTED_MAX);
    told
}

fn listed(
    candidate: &Candidate,
    explained: &[String],
    material: &Material<'_, '_>,
) -> Option<Considered> {
    let cause = material.knowledge.causes.get(candidate.cause)?;
    let why_not = if explained.contains(&cause.id) {
        "the verdict explains what speaks for it"
    } else {
        "less sure than the verdict"
    };
    Some(Considered {
        cause: cause.id.clone(),
        rule: cause.rules.get(candidate.rule)?.id.clone(),
        confidence: Some(candidate.confidence),
        why_not: why_not.to_owned(),
    })
}

/// The first thing that the rule asks for and that is not there.
fn why_not(rule: &Rule, attempt: &Attempt, place: &Place, material: &Material<'_, '_>) -> String {
    if let Some(phase) = attempt
        .phase
        .filter(|phase| !rule.phases.is_empty() && !rule.phases.contains(phase))
    {
        return format!(
            "the attempt failed in phase {}, the rule is for another",
            phase.as_str()
        );
    }
    for evidence in rule
        .evidence
        .iter()
        .filter(|evidence| !evidence.is_optional)
    {
        let rows = material.rows_meeting(evidence.condition);
        let holds = rows.iter().any(|index| {
            place.holds(*index, evidence.scope, material.rows)
                && material
                    .rows
                    .get(*index)
                    .is_some_and(|row| row.meets(evidence.condition, material.knowledge).is_some())
        });
        if !holds {
            let asked = material
                .knowledge
                .conditions
                .get(evidence.condition)
                .map(|condition| condition.in_words(&material.knowledge.needles))
                .unwrap_or_default();
            return format!("no such record: {asked}");
        }
    }
    if let Some(check) = rule.check
        && checks::find(
            check,
            Some(attempt),
            &material.facts,
            &material.installed_later,
            &Variables::new(),
            material.reference,
        )
        .is_none()
    {
        return format!(
            "the comparison {} does not hold, or lacks inventory or reference data",
            check.as_str()
        );
    }
    if let Some(fact) = rule.facts.iter().find(|fact| !fact.is_optional) {
        return format!("no inventory fact matches {}", fact.name.as_str());
    }
    "its other conditions do not hold".to_owned()
}
