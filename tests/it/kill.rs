//! `kill -9` at random moments of a load: nothing is missing, nothing is there twice.
//!
//! Each round collects a new wave of simulated devices and kills the transform process at a random
//! moment of loading it; then the process is started again and must end with exactly the rows that
//! an undisturbed load of the same waves gives. The seed of the moments is printed.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use patchlens_test_broker::{Broker, BrokerOptions};

use crate::support::{Patchlens, arg, bare, engine, kills};

/// Row counts without FINAL (so that a row that is there twice shows), and a checksum over content.
const STATE: &str = "SELECT (SELECT count() FROM patchlens.update_event), (SELECT uniqExact(device_id, event_id) FROM patchlens.update_event), \
     (SELECT sum(cityHash64(device_id, event_id, message, ifNull(error_code, 0), signal)) FROM patchlens.update_event), \
     (SELECT count() FROM patchlens.noise_profile), (SELECT sum(count) FROM patchlens.noise_profile), \
     (SELECT count() FROM patchlens.diagnosis FINAL), (SELECT sum(cityHash64(device_id, cause, culprit, cluster_key)) FROM patchlens.diagnosis FINAL), \
     (SELECT count() FROM patchlens.update_attempt FINAL), (SELECT count() FROM patchlens.evidence FINAL), \
     (SELECT count() FROM patchlens.device_digest FINAL), \
     (SELECT sum(cityHash64(device_id, is_failing, attribute.value, code.error_code, code.records, member.cluster_key, member.is_open, remedy.failures)) FROM patchlens.device_digest FINAL), \
     (SELECT count() FROM patchlens.device AS a FINAL LEFT JOIN patchlens.device_digest AS b FINAL ON b.device_id = a.device_id WHERE b.generation != a.generation)";

const DEVICES_PER_WAVE: u32 = 8;

fn simulate(folder: &Path, seed: u64) {
    let output = bare(&[
        "simulate",
        "--out",
        arg(folder),
        "--devices",
        &DEVICES_PER_WAVE.to_string(),
        "--seed",
        &seed.to_string(),
    ])
    .output()
    .unwrap();
    assert!(
        output.status.success(),
        "{}",
        crate::support::text(&output.stderr)
    );
}

/// A small generator: the test shall not depend on how a crate draws.
fn random(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

fn kill_after(mut child: Child, moment: Duration) -> bool {
    let deadline = Instant::now() + moment;
    while Instant::now() < deadline {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

fn rounds(kills: u64, disturbed: &Patchlens, undisturbed: &Patchlens) {
    let seed = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    println!("seed of the moments: {seed}");
    let mut state = seed;
    let waves = tempfile::tempdir().unwrap();
    let mut killed = 0;
    let mut rounds = 0;
    while killed < kills {
        rounds += 1;
        assert!(
            rounds <= 3 * kills,
            "only {killed} of {rounds} rounds were killed before they ended"
        );
        let wave = waves.path().join(rounds.to_string());
        simulate(&wave, rounds);
        for patchlens in [disturbed, undisturbed] {
            // Waves hold devices of the same names: a prefix keeps them apart.
            collect(patchlens, &wave, rounds);
        }
        let started = Instant::now();
        undisturbed.expect(0, &["transform", "--until-idle"]);
        let whole = u64::try_from(started.elapsed().as_millis()).unwrap();

        let moment = Duration::from_millis(random(&mut state) % whole.max(1));
        let child = disturbed
            .command(&["transform", "--until-idle"])
            .spawn()
            .unwrap();
        killed += u64::from(kill_after(child, moment));
        if rounds % 5 == 0 || killed == kills {
            disturbed.expect(0, &["transform", "--until-idle"]);
            assert_eq!(
                disturbed.numbers(STATE),
                undisturbed.numbers(STATE),
                "after {killed} kills, the last one after {moment:?}; seed {seed}"
            );
        }
    }
    let state = disturbed.numbers(STATE);
    assert_eq!(state[0], state[1], "a row is there twice: {state:?}");
    assert!(state[0] > 1_000, "{state:?}");
}

fn collect(patchlens: &Patchlens, wave: &Path, round: u64) {
    let mut bundles: Vec<_> = std::fs::read_dir(wave.join("bundles"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    bundles.sort();
    for bundle in bundles {
        let name = format!("W{round}-{}", bundle.file_stem().unwrap().to_str().unwrap());
        patchlens.expect(0, &["collect", arg(&bundle), "--device", &name]);
    }
}

#[test]
fn killed_at_twenty_moments_the_embedded_edition_ends_complete() {
    if !engine() {
        return;
    }
    rounds(kills(20), &Patchlens::new(), &Patchlens::new());
}

#[test]
fn killed_at_ten_moments_with_a_real_broker_the_store_ends_complete() {
    if !engine() {
        return;
    }
    let Some(broker) = Broker::start_or_skip(&BrokerOptions::default()) else {
        return;
    };
    let second = Broker::start_or_skip(&BrokerOptions::default()).unwrap();
    let url = |broker: &Broker| format!("kafka://{}", broker.bootstrap());
    // A restart shall not wait until the group has given the killed process up.
    let patchlens = |broker: &Broker| {
        Patchlens::new()
            .with_event_log(&url(broker))
            .with_settings("[event_log]\ninstance_id = \"one\"\n")
    };
    rounds(kills(10), &patchlens(&broker), &patchlens(&second));
}

/// The collector is killed while it ships; collected again, every record is there once.
#[test]
fn a_killed_collector_leaves_nothing_twice() {
    if !engine() {
        return;
    }
    let wave = tempfile::tempdir().unwrap();
    simulate(wave.path(), 42);
    let bundles = wave.path().join("bundles");
    let (disturbed, undisturbed) = (Patchlens::new(), Patchlens::new());
    undisturbed.expect(0, &["collect", arg(&bundles)]);
    let mut state = 42;
    for _ in 0..kills(5) {
        let child: Child = {
            let mut command: Command = disturbed.command(&["collect", arg(&bundles)]);
            command.spawn().unwrap()
        };
        kill_after(child, Duration::from_millis(random(&mut state) % 400));
    }
    disturbed.expect(0, &["collect", arg(&bundles)]);
    for patchlens in [&disturbed, &undisturbed] {
        patchlens.expect(0, &["transform", "--until-idle"]);
    }
    assert_eq!(disturbed.numbers(STATE), undisturbed.numbers(STATE));
}
