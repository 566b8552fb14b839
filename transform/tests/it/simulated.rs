//! A simulated rollout, whose truth the rules do not know: how often they find it.

use patchlens_simulator::{DeviceTruth, Mix, Outcome, Plan, Scenario, simulate};
use patchlens_transform::schema;

use crate::support::{Row, Verdicts, collect, judge, reference};

struct Judged {
    truth: DeviceTruth,
    verdicts: Verdicts,
}

impl Judged {
    fn first(&self) -> Option<Row> {
        self.verdicts.open().into_iter().next()
    }

    fn is_right(&self) -> bool {
        let expected = if self.truth.outcome == Outcome::Failed {
            self.truth.cause.as_deref()
        } else {
            None
        };
        self.first().as_ref().map(|row| row[schema::CAUSE].as_str()) == expected
    }
}

fn rollout(devices: u32, seed: u64) -> Vec<Judged> {
    judged(&Plan {
        devices,
        seed,
        ..Plan::default()
    })
}

/// Simulates a rollout, collects the first upload of every device and judges it.
fn judged(plan: &Plan) -> Vec<Judged> {
    let out = tempfile::tempdir().unwrap();
    let truth = simulate(plan, out.path()).unwrap();
    let reference = reference(out.path());
    let judge_device = |truth: DeviceTruth| {
        let bundle = out
            .path()
            .join("bundles")
            .join(format!("{}.zip", truth.device_name));
        bundle.exists().then(|| Judged {
            verdicts: judge(&collect(&bundle, None), &reference),
            truth,
        })
    };
    truth.devices.into_iter().filter_map(judge_device).collect()
}

/// BCubed precision and recall of the clusters of failing devices.
fn bcubed(judged: &[Judged]) -> (f64, f64) {
    let failing: Vec<(&str, String)> = judged
        .iter()
        .filter(|j| j.truth.outcome == Outcome::Failed)
        .map(|j| {
            (
                j.truth.cluster_id.as_deref().unwrap_or_default(),
                j.first()
                    .map(|row| row[schema::CLUSTER_KEY].clone())
                    .unwrap_or_default(),
            )
        })
        .collect();
    let mean = |score: &dyn Fn(&(&str, String)) -> f64| {
        failing.iter().map(score).sum::<f64>() / failing.len() as f64
    };
    let same = |a: &(&str, String), b: &(&str, String)| a.0 == b.0 && a.1 == b.1;
    let precision = mean(&|a| {
        failing.iter().filter(|b| same(a, b)).count() as f64
            / failing.iter().filter(|b| a.1 == b.1).count() as f64
    });
    let recall = mean(&|a| {
        failing.iter().filter(|b| same(a, b)).count() as f64
            / failing.iter().filter(|b| a.0 == b.0).count() as f64
    });
    (precision, recall)
}

/// Judges a rollout and compares with the measures that the program promises.
#[track_caller]
fn check(devices: u32, seed: u64) {
    let judged = rollout(devices, seed);
    let wrong: Vec<String> = judged
        .iter()
        .filter(|j| !j.is_right())
        .map(|j| {
            format!(
                "{} {:?} truth: {:?} {:?} code={:?}\n{}",
                j.truth.device_name,
                j.truth.outcome,
                j.truth.scenario,
                j.truth.culprit,
                j.truth.error_code,
                j.verdicts.account()
            )
        })
        .collect();
    let accuracy = 1.0 - wrong.len() as f64 / judged.len() as f64;
    let (precision, recall) = bcubed(&judged);
    assert!(
        accuracy >= 0.97 && precision >= 0.98 && recall >= 0.98,
        "seed {seed}: accuracy {accuracy:.3} of {} devices, BCubed {precision:.3}/{recall:.3}\n{}",
        judged.len(),
        wrong.join("\n\n")
    );
}

#[test]
fn the_causes_of_a_simulated_rollout_are_found() {
    check(220, 7);
}

#[test]
fn and_of_another_one() {
    check(330, 23);
}

/// Devices of each kind of failure that the wide mix is held to.
const OF_EACH_KIND: u32 = 6;
/// The least share of the devices of one kind, whose logs tell it, that get its cause.
const RIGHT_OF_A_KIND_MIN: f64 = 0.75;

#[test]
fn every_kind_of_failure_of_the_wide_mix_occurs_and_is_diagnosed() {
    let kinds = u32::try_from(Scenario::ALL.len()).unwrap();
    let devices = kinds * OF_EACH_KIND + 60;
    let share = f64::from(OF_EACH_KIND) / f64::from(devices);
    let plan = Plan {
        mix: Mix {
            failures: Scenario::ALL.map(|kind| (kind, share)).to_vec(),
            ..Mix::wide()
        },
        ..Plan::wide(devices, 6)
    };
    let judged = judged(&plan);
    let mut wrong = Vec::new();
    for kind in Scenario::ALL {
        let told: Vec<&Judged> = judged
            .iter()
            .filter(|j| j.truth.scenario == Some(kind) && j.truth.told)
            .filter(|j| j.truth.outcome == Outcome::Failed)
            .collect();
        assert!(told.len() >= 3, "{kind:?}: {} devices tell it", told.len());
        let missed: Vec<&&Judged> = told.iter().filter(|j| !j.is_right()).collect();
        let right = 1.0 - missed.len() as f64 / told.len() as f64;
        if right < RIGHT_OF_A_KIND_MIN {
            let accounts: Vec<String> = missed.iter().map(|j| j.verdicts.account()).collect();
            wrong.push(format!("{kind:?}: {right:.2}\n{}", accounts.join("\n")));
        }
    }
    let alarms: Vec<String> = judged
        .iter()
        .filter(|j| j.truth.outcome != Outcome::Failed && j.first().is_some())
        .map(|j| format!("{:?} alarm\n{}", j.truth.scenario, j.verdicts.account()))
        .collect();
    wrong.extend(alarms);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn two_collections_together_tell_of_the_attempts_of_each() {
    let out = tempfile::tempdir().unwrap();
    let plan = Plan {
        devices: 240,
        seed: 5,
        ..Plan::default()
    };
    let truth = simulate(&plan, out.path()).unwrap();
    let reference = reference(out.path());
    let mut compared = 0;
    let mut wrong = Vec::new();
    for device in truth.devices {
        let bundle = |wave: &str| {
            let path = out
                .path()
                .join(wave)
                .join(format!("{}.zip", device.device_name));
            path.exists().then(|| collect(&path, None))
        };
        let (Some(first), Some(later)) = (bundle("bundles"), bundle("bundles-later")) else {
            continue;
        };
        let installed = |events: &[_]| -> Vec<(String, String)> {
            let attempts = judge(events, &reference).attempts().into_iter();
            attempts
                .filter(|row| {
                    row[schema::OUTCOME] == "installed" && !row[schema::KB_ARTICLE].is_empty()
                })
                .map(|row| {
                    (
                        row[schema::KB_ARTICLE].clone(),
                        row[schema::ENDED_AT].clone(),
                    )
                })
                .collect()
        };
        let alone = [installed(&first), installed(&later)].concat();
        let together = installed(&[first, later].concat());
        compared += 1;
        let invented = together.iter().filter(|attempt| !alone.contains(attempt));
        let lost = alone.iter().filter(|attempt| !together.contains(attempt));
        for attempt in invented.chain(lost) {
            wrong.push(format!("{} {attempt:?}", device.device_name));
        }
    }
    assert!(compared >= 30, "{compared} devices were collected twice");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
