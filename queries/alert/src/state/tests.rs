//! Begin, go on, end: no flapping, no second telling, whatever happens in between.

use super::*;
use crate::rule;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + minute * 60).unwrap()
}

fn rules() -> Vec<Rule> {
    rule::load(None).unwrap()
}

fn finding(rule: &str, ring: &str, devices: u64) -> Finding {
    Finding {
        labels: [("alertname", rule), ("ring", ring)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        devices,
        sample_devices: vec!["PC-1".to_owned()],
        expected: None,
        p_value: None,
        summary: Bilingual::default(),
        explanation: Bilingual {
            en: format!("{devices} devices"),
            zh: String::new(),
        },
        link: String::new(),
    }
}

/// One evaluation of rollback-wave, which found this many devices in the ring Broad (0: nothing).
fn evaluate(known: &mut Alerts, rules: &[Rule], minute: i64, devices: u64) -> usize {
    let rule = rules
        .iter()
        .find(|rule| rule.name == "rollback-wave")
        .unwrap();
    let found = if devices == 0 {
        Vec::new()
    } else {
        vec![finding("rollback-wave", "Broad", devices)]
    };
    advance(known, rules, vec![(rule, found)], at(minute), at(minute)).len()
}

#[test]
fn an_alert_begins_goes_on_and_ends_after_three_quiet_evaluations() {
    let (rules, mut known) = (rules(), Alerts::new());
    assert_eq!(evaluate(&mut known, &rules, 0, 3), 1);
    // Found again as it was: nothing to write.
    assert_eq!(evaluate(&mut known, &rules, 1, 3), 0);
    assert_eq!(evaluate(&mut known, &rules, 2, 4), 1);
    let alert = known.values().next().unwrap().clone();
    assert_eq!(
        (alert.state, alert.started_at, alert.found_at, alert.devices),
        (State::Active, at(0), at(2), 4)
    );
    for minute in 3..5 {
        evaluate(&mut known, &rules, minute, 0);
        assert_eq!(known.values().next().unwrap().state, State::Active);
    }
    // One finding starts the count of quiet evaluations anew: an alert at the edge does not flap.
    evaluate(&mut known, &rules, 5, 4);
    for minute in 6..9 {
        evaluate(&mut known, &rules, minute, 0);
    }
    let ended = known.values().next().unwrap().clone();
    assert_eq!(
        (ended.state, ended.ended_at, ended.started_at),
        (State::Resolved, Some(at(8)), at(0))
    );
    // Quiet for longer changes nothing more.
    assert_eq!(evaluate(&mut known, &rules, 9, 0), 0);
    // The same condition again is the same alert, raised a second time.
    evaluate(&mut known, &rules, 60, 3);
    let again = known.values().next().unwrap();
    assert_eq!(
        (
            known.len(),
            again.alert_id.as_str(),
            again.times_raised,
            again.started_at,
            again.ended_at
        ),
        (1, ended.alert_id.as_str(), 2, at(60), None)
    );
}

#[test]
fn a_rule_that_could_not_be_evaluated_ends_nothing() {
    let (rules, mut known) = (rules(), Alerts::new());
    evaluate(&mut known, &rules, 0, 3);
    for minute in 1..20 {
        assert_eq!(
            advance(&mut known, &rules, Vec::new(), at(minute), at(minute)),
            Vec::<String>::new()
        );
    }
    assert_eq!(known.values().next().unwrap().state, State::Active);
}

#[test]
fn the_alert_of_a_rule_that_is_gone_is_deleted() {
    let (mut rules, mut known) = (rules(), Alerts::new());
    evaluate(&mut known, &rules, 0, 3);
    rules.retain(|rule| rule.name != "rollback-wave");
    assert_eq!(
        advance(&mut known, &rules, Vec::new(), at(1), at(1)).len(),
        1
    );
    assert_eq!(known.values().next().unwrap().state, State::Deleted);
}

#[test]
fn labels_make_the_identity_and_nothing_else_does() {
    let id = |finding: &Finding| alert_id(&finding.labels);
    assert_eq!(id(&finding("a", "b", 1)), id(&finding("a", "b", 2)));
    assert_ne!(id(&finding("a", "b", 1)), id(&finding("a", "c", 1)));
    // No other split of the same letters is the same.
    assert_ne!(id(&finding("ab", "c", 1)), id(&finding("a", "bc", 1)));
    assert_eq!(
        id(&finding("rollback-wave", "Broad", 1)),
        "5980592c51370caf542f55321493aa12"
    );
}

#[test]
fn what_is_raised_again_while_the_data_stand_still_begins_later_than_all_before() {
    let (rules, mut known) = (rules(), Alerts::new());
    let rule = rules
        .iter()
        .find(|rule| rule.name == "rollback-wave")
        .unwrap();
    let mut told = BTreeSet::new();
    for round in 0..3 {
        // The wall's clock goes on, the data's does not.
        for quiet in [false, true, true, true] {
            let found = if quiet {
                Vec::new()
            } else {
                vec![finding("rollback-wave", "Broad", 3)]
            };
            advance(&mut known, &rules, vec![(rule, found)], at(0), at(round));
            let alert = known.values().next().unwrap();
            assert!(alert.found_at >= alert.started_at);
            assert!(alert.ended_at.is_none_or(|end| end >= alert.started_at));
            told.insert((alert.started_at, alert.state));
        }
    }
    // Three beginnings and three ends: each is news to a sink.
    assert_eq!(told.len(), 6, "{told:?}");
}

#[test]
fn beyond_the_largest_nothing_is_raised_and_nothing_that_persists_ends() {
    let (rules, mut known) = (rules(), Alerts::new());
    let rule = rules
        .iter()
        .find(|rule| rule.name == "rollback-wave")
        .unwrap();
    let many = |prefix: &str, count: usize| -> Vec<Finding> {
        (0..count)
            .map(|number| finding("rollback-wave", &format!("{prefix}{number}"), 3))
            .collect()
    };
    advance(
        &mut known,
        &rules,
        vec![(rule, many("small", 5))],
        at(0),
        at(0),
    );
    for minute in 1..6 {
        let found = [many("large", FINDINGS_MAX + 50), many("small", 4)].concat();
        advance(
            &mut known,
            &rules,
            vec![(rule, found)],
            at(minute),
            at(minute),
        );
    }
    let count = |prefix: &str, state| {
        known
            .values()
            .filter(|alert| alert.labels["ring"].starts_with(prefix) && alert.state == state)
            .count()
    };
    assert_eq!(count("large", State::Active), FINDINGS_MAX);
    assert_eq!(
        (
            count("small", State::Active),
            count("small", State::Resolved)
        ),
        (4, 1)
    );
}
