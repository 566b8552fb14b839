//! Evaluates rules: which causes does the material of a device support, and how well.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::checks;
use super::facts::Facts;
use super::standout::{self, Usual};
use crate::attempt::Attempt;
use crate::knowledge::{
    Cause, Codes, Condition, FactRule, Knowledge, Role, Rule, Scope, Standing, Variables, capture,
};
use crate::normalise::named_code;
use crate::reference::Reference;
use crate::row::{MINUTE, Row, distance};

/// How much confidence is left when a fact that a rule rests on is contradicted.
const CONTRADICTED: f64 = 0.6;
/// How much is left when a comparison rests on something else than what should be compared.
const INDIRECT: f64 = 0.8;
/// What servicing logs beside the session that failed, it may log for another reason.
const BESIDE: f64 = 0.1;
/// No diagnosis is certain.
const CONFIDENCE_MAX: f64 = 0.99;
/// How many records of one kind are shown as evidence.
const SHOWN_PER_KIND: usize = 3;

/// All that rules are evaluated on.
pub(crate) struct Material<'a, 'r> {
    pub(crate) rows: &'r [Row<'a>],
    pub(crate) facts: Rc<Facts>,
    pub(crate) reference: &'r Reference,
    pub(crate) knowledge: &'r Knowledge,
    /// Updates that were installed after what is being judged: what it lacked, it lacked then.
    pub(crate) installed_later: Vec<u32>,
    /// Rows that meet the constant part of each condition, in order of file and line.
    by_condition: Rc<[Vec<usize>]>,
    /// The facts by the time until which they were collected: most attempts share one.
    facts_until: Rc<RefCell<BTreeMap<i64, Rc<Facts>>>>,
    /// Source and template of what the device logs when it is well.
    usual: Rc<Usual>,
}

/// A cause that the material supports.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) cause: usize,
    /// Index of the rule within the cause.
    pub(crate) rule: usize,
    pub(crate) confidence: f64,
    pub(crate) culprit: String,
    pub(crate) variables: Variables,
    pub(crate) evidence: Vec<Support>,
    pub(crate) inner_code: Option<u32>,
    /// The update that a comparison names.
    pub(crate) kb: Option<u32>,
    /// How many independent things were asked for and found.
    pub(crate) specificity: usize,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Support {
    pub(crate) row: usize,
    pub(crate) role: Role,
    /// The fact that counts, where a record states many.
    pub(crate) fact: Option<String>,
}

impl<'a, 'r> Material<'a, 'r> {
    pub(crate) fn new(
        rows: &'r [Row<'a>],
        reference: &'r Reference,
        knowledge: &'r Knowledge,
    ) -> Self {
        let mut by_condition = vec![Vec::new(); knowledge.conditions.len()];
        for (index, row) in rows.iter().enumerate().filter(|(_, row)| !row.is_noise) {
            for hit in row.hits() {
                if let Some(meeting) = by_condition.get_mut(*hit) {
                    meeting.push(index);
                }
            }
        }
        Self {
            rows,
            facts: Rc::new(Facts::of(rows)),
            facts_until: Rc::default(),
            reference,
            knowledge,
            installed_later: Vec::new(),
            by_condition: by_condition.into(),
            usual: Rc::default(),
        }
    }

    /// Notes what the device logs when it is well, as its attempts tell.
    pub(crate) fn note_usual(&mut self, attempts: &[Attempt]) {
        let fails = |attempt: &Attempt| attempt.failed() || attempt.was_cancelled();
        if attempts.iter().any(fails) {
            self.usual = Rc::new(standout::usual(attempts, self.rows));
        }
    }

    /// A line that is asked for by nothing but its code is no evidence where the device also logs it
    /// outside of failed attempts.
    fn is_usual(&self, row: &Row<'_>, condition: usize) -> bool {
        let is_specific = self
            .knowledge
            .conditions
            .get(condition)
            .is_none_or(Condition::is_specific);
        !is_specific && self.usual.contains(&row.wording)
    }

    /// The material as it was when an attempt failed.
    pub(crate) fn at(&self, attempt: &Attempt, attempts: &[Attempt]) -> Self {
        let failed_at = attempt.window.map_or(attempt.started_at, |window| window.1);
        let later = attempts
            .iter()
            .filter(|other| other.succeeded() && other.started_at >= failed_at);
        Self {
            facts: self.facts_at(failed_at),
            facts_until: Rc::clone(&self.facts_until),
            installed_later: later.filter_map(|other| other.kb).collect(),
            by_condition: Rc::clone(&self.by_condition),
            usual: Rc::clone(&self.usual),
            ..*self
        }
    }

    fn facts_at(&self, time: i64) -> Rc<Facts> {
        let until = Facts::collected_until(self.rows, time);
        let mut known = self.facts_until.borrow_mut();
        if let Some(facts) = known.get(&until) {
            return Rc::clone(facts);
        }
        // What was collected earlier is read already: attempts are judged in order.
        let facts = match known.range(..until).next_back() {
            Some((earlier, facts)) => facts.continued(self.rows, *earlier, until),
            None => Facts::until(self.rows, until),
        };
        let facts = Rc::new(facts);
        known.insert(until, Rc::clone(&facts));
        facts
    }

    /// The causes that a failed attempt may have, best first, one candidate per cause.
    pub(crate) fn causes_of(&self, attempt: &Attempt) -> Vec<Candidate> {
        let place = Place::of(attempt);
        self.best_per_cause(|rule| self.evaluate(rule, Some(attempt), &place))
    }

    /// The causes that hold without any attempt, best first.
    pub(crate) fn standing(&self, is_excerpt: bool) -> Vec<Candidate> {
        self.best_per_cause(|rule| {
            let stands = rule.standing == Standing::Always
                || is_excerpt && rule.standing == Standing::Excerpt;
            if stands {
                self.evaluate(rule, None, &Place::Anywhere)
            } else {
                None
            }
        })
    }

    /// Rows that meet the constant part of a condition.
    pub(crate) fn rows_meeting(&self, condition: usize) -> &[usize] {
        self.by_condition
            .get(condition)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    fn best_per_cause(&self, evaluate: impl Fn(&Rule) -> Option<Candidate>) -> Vec<Candidate> {
        let best = |(index, cause): (usize, &Cause)| {
            let rules = cause.rules.iter().enumerate();
            let candidates = rules.filter_map(|(rule_index, rule)| {
                evaluate(rule).map(|candidate| Candidate {
                    cause: index,
                    rule: rule_index,
                    ..candidate
                })
            });
            candidates.reduce(|best, next| if better(&next, &best) { next } else { best })
        };
        let mut found: Vec<Candidate> = self
            .knowledge
            .causes
            .iter()
            .enumerate()
            .filter_map(best)
            .collect();
        found.sort_by(|left, right| {
            if better(left, right) {
                std::cmp::Ordering::Less
            } else if better(right, left) {
                std::cmp::Ordering::Greater
            } else {
                left.cause.cmp(&right.cause)
            }
        });
        found
    }

    fn evaluate(&self, rule: &Rule, attempt: Option<&Attempt>, place: &Place) -> Option<Candidate> {
        if let Some(attempt) = attempt {
            self.admits(rule, attempt)?;
        }
        let mut candidate = Candidate {
            cause: 0,
            rule: 0,
            confidence: rule.confidence,
            culprit: String::new(),
            variables: Variables::new(),
            evidence: Vec::new(),
            inner_code: rule.inner_code,
            kb: None,
            specificity: usize::from(!rule.codes.is_empty()) + usize::from(!rule.phases.is_empty()),
        };
        self.gather_records(rule, place, &mut candidate)?;
        for fact in &rule.facts {
            self.gather_fact(fact, &mut candidate)?;
        }
        if let Some(check) = rule.check {
            let finding = checks::find(
                check,
                attempt,
                &self.facts,
                &self.installed_later,
                &candidate.variables,
                self.reference,
            )?;
            candidate.kb = finding.kb;
            if finding.is_indirect {
                candidate.confidence *= INDIRECT;
            }
            for name in finding.facts {
                self.rest_on(&name, Role::Culprit, &mut candidate);
            }
            finding.variables.into_iter().for_each(|(name, value)| {
                candidate.variables.entry(name).or_insert(value);
            });
            candidate.specificity += 1;
        }
        let inner = candidate
            .variables
            .get("inner_text")
            .and_then(|word| named_code(word, &self.knowledge.codes));
        candidate.inner_code = inner.or(candidate.inner_code);
        candidate.confidence = candidate.confidence.min(CONFIDENCE_MAX);
        let kb = attempt
            .and_then(|attempt| attempt.kb)
            .map(|kb| format!("KB{kb}"))
            .unwrap_or_default();
        let fallback = || {
            rule.culprit
                .as_ref()
                .map(|culprit| culprit.replace("{kb}", &kb))
        };
        candidate.culprit = candidate
            .variables
            .get("culprit")
            .cloned()
            .or_else(fallback)
            .unwrap_or_default();
        Some(candidate)
    }

    fn admits(&self, rule: &Rule, attempt: &Attempt) -> Option<()> {
        let has_code = |codes: &Codes| attempt.codes().any(|code| codes.contains(code));
        let code_fits = rule.codes.is_empty() || has_code(&rule.codes);
        let phase_fits = rule.phases.is_empty()
            || attempt
                .phase
                .is_some_and(|phase| rule.phases.contains(&phase));
        let within = rule.codes_within.is_empty()
            || has_code(&rule.codes_within)
            || attempt
                .rows
                .iter()
                .filter_map(|index| self.rows.get(*index))
                .any(|row| {
                    !row.is_noise
                        && row
                            .codes
                            .iter()
                            .chain(&row.error_code)
                            .any(|code| rule.codes_within.contains(*code))
                });
        let operation_fits = rule.extend_operations.is_empty()
            || attempt.extend_code.is_some_and(|code| {
                rule.extend_operations
                    .iter()
                    .any(|operation| operation.is_none_or(|operation| operation == code & 0xff))
            });
        (code_fits && phase_fits && within && operation_fits).then_some(())
    }

    fn gather_records(&self, rule: &Rule, place: &Place, candidate: &mut Candidate) -> Option<()> {
        for evidence in &rule.evidence {
            let mut found = false;
            let rows = self.rows_meeting(evidence.condition);
            let confirmed = rows
                .iter()
                .filter(|index| place.holds(**index, evidence.scope, self.rows))
                .filter_map(|index| {
                    let row = self.rows.get(*index)?;
                    let variables = row.meets(evidence.condition, self.knowledge)?;
                    let is_about = |package: &String| place.is_about(package, self.rows);
                    if !variables.get("package").is_none_or(is_about) {
                        return None;
                    }
                    (!self.is_usual(row, evidence.condition)).then_some((*index, variables))
                });
            let mut confirmed: Vec<(usize, Variables)> = confirmed.collect();
            if evidence.is_absent {
                if confirmed.is_empty() {
                    continue;
                }
                return None;
            }
            // What stands within the session goes before what only stands near it in time.
            confirmed.sort_by_key(|(row, _)| !place.is_member(*row));
            let is_beside = evidence.scope == Scope::Attempt
                && confirmed.first().is_some_and(|(row, _)| {
                    !place.is_member(*row)
                        && self
                            .rows
                            .get(*row)
                            .is_some_and(|row| row.source == "cbs_log")
                });
            if is_beside && !evidence.is_optional {
                candidate.confidence -= BESIDE;
            }
            let last = confirmed.len().saturating_sub(1);
            // The first one is the root; what follows only shows that it repeats, and until when.
            let shown = confirmed
                .into_iter()
                .enumerate()
                .filter(|(position, _)| *position + 1 < SHOWN_PER_KIND || *position == last);
            for (_, (row, variables)) in shown {
                for (name, value) in variables.into_iter().filter(|(_, value)| !value.is_empty()) {
                    candidate.variables.entry(name).or_insert(value);
                }
                candidate.evidence.push(Support {
                    row,
                    role: evidence.role,
                    fact: None,
                });
                found = true;
            }
            if found {
                candidate.specificity += 1;
                candidate.confidence += evidence.adds;
            } else if !evidence.is_optional {
                return None;
            }
        }
        Some(())
    }

    fn gather_fact(&self, rule: &FactRule, candidate: &mut Candidate) -> Option<()> {
        let mut variables = Variables::new();
        let holds = |name: &str, value: &str, variables: &mut Variables| {
            capture(&rule.name, name, variables)?;
            if let Some(regex) = &rule.value {
                capture(regex, value, variables)?;
            }
            let below = rule
                .below
                .is_none_or(|limit| value.parse::<f64>().is_ok_and(|number| number < limit));
            below.then_some(())
        };
        let found = self.facts.iter().find_map(|(name, value, _)| {
            holds(name, value, &mut variables).map(|()| name.to_owned())
        });
        let Some(name) = found else {
            return rule.is_optional.then_some(());
        };
        for (name, value) in variables {
            candidate.variables.entry(name).or_insert(value);
        }
        candidate.confidence += rule.adds;
        candidate.specificity += 1;
        self.rest_on(&name, Role::Culprit, candidate);
        Some(())
    }

    fn rest_on(&self, fact: &str, role: Role, candidate: &mut Candidate) {
        if self.facts.is_contradicted(fact) {
            candidate.confidence *= CONTRADICTED;
        }
        if let Some(row) = self.facts.row(fact) {
            candidate.evidence.push(Support {
                row,
                role,
                fact: Some(fact.to_owned()),
            });
        }
    }
}

/// More confidence goes first; then a named culprit; then what asked for more.
fn better(left: &Candidate, right: &Candidate) -> bool {
    let key = |candidate: &Candidate| (!candidate.culprit.is_empty(), candidate.specificity);
    left.confidence
        .total_cmp(&right.confidence)
        .then_with(|| key(left).cmp(&key(right)))
        .is_gt()
}

/// Where evidence may stand.
pub(crate) enum Place {
    /// Anywhere: no attempt is asked about.
    Anywhere,
    /// In or around one attempt.
    Around {
        /// Rows of the attempt, sorted.
        members: Vec<usize>,
        window: Option<(i64, i64)>,
        is_zone_assumed: bool,
    },
}

impl Place {
    pub(crate) fn of(attempt: &Attempt) -> Self {
        let mut members = attempt.rows.clone();
        members.sort_unstable();
        Self::Around {
            members,
            window: attempt.window,
            is_zone_assumed: attempt.is_zone_assumed,
        }
    }

    /// True when the attempt is one at this package: servicing says of many others too what they build on.
    fn is_about(&self, package: &str, rows: &[Row<'_>]) -> bool {
        let Self::Around { members, .. } = self else {
            return true;
        };
        members
            .iter()
            .filter_map(|index| rows.get(*index))
            .any(|row| row.message.contains("Exec: Processing") && row.message.contains(package))
    }

    /// True for a row of the attempt itself; without an attempt every row is.
    fn is_member(&self, index: usize) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Around { members, .. } => members.binary_search(&index).is_ok(),
        }
    }

    pub(crate) fn holds(&self, index: usize, scope: Scope, rows: &[Row<'_>]) -> bool {
        let Self::Around {
            members,
            window,
            is_zone_assumed,
        } = self
        else {
            return true;
        };
        if scope == Scope::Device || members.binary_search(&index).is_ok() {
            return true;
        }
        let Some(row) = rows.get(index) else {
            return false;
        };
        // Without times on both sides nothing speaks against it.
        let (Some(time), Some((start, end))) = (row.time, *window) else {
            return true;
        };
        let reach = if scope == Scope::Near {
            15 * MINUTE
        } else {
            MINUTE
        };
        if (start - reach..=end + reach).contains(&time) {
            return true;
        }
        let zones_may_differ = scope == Scope::Near && row.is_zone_assumed != *is_zone_assumed;
        zones_may_differ
            && [start, end]
                .iter()
                .any(|edge| distance(time, *edge, true) <= 5 * MINUTE)
    }
}
