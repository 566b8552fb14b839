//! Fixtures for the log writers' tests.

use super::*;
use crate::{Language, Release};

/// A failing device with everything that its logs are written from.
pub(crate) struct Fixture {
    pub(crate) device: Device,
    pub(crate) case: Option<Case>,
    release: Release,
    updates: Vec<KnownUpdate>,
    scenario: Scenario,
}

impl Fixture {
    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject {
            device: &self.device,
            release: &self.release,
            updates: &self.updates,
            case: self.case.as_ref(),
            seed: 5,
        }
    }

    pub(crate) fn set_language(&mut self, language: Language) {
        self.device.language = language;
        self.case = Some(self.scenario.case(&self.device, &self.release, 5, 0));
    }
}

/// A device that suffers from the scenario, and its life up to the later upload, with a repair in it.
pub(crate) fn subject_of(scenario: Scenario) -> (Fixture, Vec<Happening>) {
    let mut plan = Plan {
        devices: 1,
        seed: 5,
        ..Plan::default()
    };
    plan.mix = crate::Mix {
        failures: vec![(scenario, 1.0)],
        remedied: 0.0,
        in_progress: 0.0,
        pending_restart: 0.0,
        silent: 0.0,
        stale: 0.0,
        excluded: 0.0,
        repaired_later: 1.0,
    };
    let member = fleet::draw(&plan).unwrap().remove(0);
    let mut device = member.device;
    device.language = Language::English;
    let case = scenario.case(&device, &plan.release, 5, 0);
    let fate = Fate::Fails {
        repaired: Repair::BeforeLaterUpload,
        stage_reached: scenario.reach(case.fault.stage),
    };
    let schedule = Schedule::draw(&device, fate, plan.start, &mut Random::for_path(&[5, 7]));
    let updates = KnownUpdate::of(&plan.release, 5);
    let fixture = Fixture {
        device,
        case: Some(case),
        release: plan.release,
        updates,
        scenario,
    };
    (fixture, schedule.happenings)
}

/// Some lines around the first one that holds `needle`.
#[track_caller]
pub(crate) fn excerpt(log: &str, needle: &str, lines: usize) -> String {
    let all: Vec<&str> = log.lines().collect();
    let hit = all
        .iter()
        .position(|line| line.contains(needle))
        .unwrap_or_else(|| panic!("no line holds {needle:?}"));
    let start = hit.saturating_sub(lines / 3);
    all[start..all.len().min(start + lines)].join("\n")
}
