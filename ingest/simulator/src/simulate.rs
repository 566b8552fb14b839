//! From the plan to the folder of bundles: the way through the crate.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use crate::{
    DeviceTruth, Outcome, Plan, Scenario, SimulateError, Truth,
    bundle::{self, BundleFile},
    cbs::Subject,
    device::{Device, RINGS},
    fleet::{self, Member, Role},
    random::Random,
    reference,
    scenario::Case,
    schedule::{Ending, Fate, Happening, Repair, Schedule, What},
    update::KnownUpdate,
    upload::{self, Presence, ubr_after},
};

/// Writes the simulated rollout into `out`, which is created if need be, and returns the truth.
///
/// # Errors
/// When the plan contradicts itself, or a file cannot be written.
pub fn simulate(plan: &Plan, out: &Path) -> Result<Truth, SimulateError> {
    let members = fleet::draw(plan)?;
    let (bundles, later) = (out.join("bundles"), out.join("bundles-later"));
    for folder in [&bundles, &later] {
        fs::create_dir_all(folder).map_err(|source| SimulateError::Write {
            path: folder.clone(),
            source,
        })?;
    }
    let writer = Writer {
        plan,
        updates: KnownUpdate::of(&plan.release, plan.seed),
        bundles,
        later,
    };
    let devices = writer.write_all(&members)?;
    let exclusions: Vec<(Device, Option<&'static str>)> = members
        .into_iter()
        .map(|member| {
            let reason = if let Role::Excluded(reason, _) = member.role {
                Some(reason)
            } else {
                None
            };
            (member.device, reason)
        })
        .collect();
    let truth = Truth {
        seed: plan.seed,
        rollout_id: reference::rollout_id(&plan.release),
        kb_article: plan.release.kb_article,
        target_ubr: plan.release.ubr,
        devices,
    };
    for (name, text) in [
        ("truth.json", serde_json::to_string_pretty(&truth)?),
        ("rollout.csv", reference::rollout(plan)),
        (
            "rollout-devices.csv",
            reference::rollout_devices(plan, &exclusions),
        ),
        ("prerequisites.csv", reference::prerequisites(&plan.release)),
        (
            "published-hashes.csv",
            reference::published_hashes(&plan.release, plan.seed),
        ),
    ] {
        let path = out.join(name);
        fs::write(&path, text).map_err(|source| SimulateError::Write { path, source })?;
    }
    Ok(truth)
}

struct Writer<'a> {
    plan: &'a Plan,
    updates: Vec<KnownUpdate>,
    bundles: PathBuf,
    later: PathBuf,
}

impl Writer<'_> {
    /// Writes every member's bundles, on all processors; devices know nothing of one another.
    fn write_all(&self, members: &[Member]) -> Result<Vec<DeviceTruth>, SimulateError> {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let share = members.len().div_ceil(workers).max(1);
        let parts: Vec<Result<Vec<DeviceTruth>, SimulateError>> = std::thread::scope(|scope| {
            let running: Vec<_> = members
                .chunks(share)
                .map(|part| {
                    scope.spawn(move || {
                        part.iter()
                            .map(|member| self.write_member(member))
                            .collect()
                    })
                })
                .collect();
            running
                .into_iter()
                .map(|worker| {
                    worker
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        });
        let mut devices = Vec::with_capacity(members.len());
        for part in parts {
            devices.extend(part?);
        }
        Ok(devices)
    }

    fn write_member(&self, member: &Member) -> Result<DeviceTruth, SimulateError> {
        let device = &member.device;
        let random = &mut Random::for_path(&[self.plan.seed, 0x0d, u64::from(device.index)]);
        let (fate, scenario, case) = match member.role {
            Role::Silent | Role::Excluded(_, false) => return Ok(self.truth(member, None, None)),
            Role::Reports(fate) => (fate, None, None),
            Role::Excluded(..) => (Fate::Bystander, None, None),
            Role::Suffers(scenario, repaired) => {
                let case = scenario.case(
                    device,
                    &self.plan.release,
                    self.plan.seed,
                    fleet::group(self.plan, device),
                );
                (
                    Fate::Fails {
                        repaired,
                        stage_reached: scenario.reach(case.fault.stage),
                    },
                    Some(scenario),
                    Some(case),
                )
            }
        };
        let schedule = Schedule::draw(device, fate, self.plan.start, random);
        let subject = Subject {
            device,
            release: &self.plan.release,
            updates: &self.updates,
            case: case.as_ref(),
            seed: self.plan.seed,
        };
        let mut truth = self.truth(member, scenario, case.as_ref());
        let presence = Presence::draw(&self.plan.logs, case.as_ref(), random);
        let first = schedule.until(schedule.first_upload);
        truth.told = presence.tells(case.as_ref());
        let files = upload::files(&subject, first, schedule.first_upload, &presence, false);
        truth.outcome = outcome(member.role, first);
        truth.os_build = device.os_build(ubr_after(&self.plan.release, device, first));
        truth.files = files
            .iter()
            .map(|file| file.kind.name().to_owned())
            .collect();
        truth.collected_at = Some(schedule.first_upload);
        write_bundle(&self.bundles, device, schedule.first_upload, &files)?;
        if uploads_again(member.role, random) {
            let later = schedule.until(schedule.later_upload);
            let trimmed = random.chance(0.2);
            let files = upload::files(&subject, later, schedule.later_upload, &presence, trimmed);
            truth.outcome_later = Some(outcome(member.role, later));
            truth.collected_again_at = Some(schedule.later_upload);
            write_bundle(&self.later, device, schedule.later_upload, &files)?;
        }
        Ok(truth)
    }

    fn truth(
        &self,
        member: &Member,
        scenario: Option<Scenario>,
        case: Option<&Case>,
    ) -> DeviceTruth {
        let device = &member.device;
        let cause_id = scenario.map(|scenario| scenario.cause().to_owned());
        let culprit = case.and_then(|case| case.culprit.clone());
        let hexadecimal = |code: u32| format!("0x{code:08x}");
        DeviceTruth {
            device_id: device.name.clone(),
            device_name: device.name.clone(),
            site: device.site.clone(),
            ring: RINGS
                .get(device.ring)
                .map_or_else(String::new, |(name, _)| (*name).to_owned()),
            model: device.model.name.to_owned(),
            manufacturer: device.model.manufacturer.to_owned(),
            security_products: device
                .security_products
                .iter()
                .map(|product| (*product).to_owned())
                .collect(),
            os_build: device.os_build(device.ubr),
            language: device.language,
            encoding: device.style.console.name().to_owned(),
            scenario,
            cluster_id: cause_id.as_ref().map(|id| cluster_id(id, case)),
            cause: cause_id,
            culprit,
            kb_article: case
                .is_none_or(|case| case.names_update)
                .then_some(self.plan.release.kb_article),
            error_code: case.and_then(|case| case.error_code).map(hexadecimal),
            inner_code: case.and_then(|case| case.inner_code).map(hexadecimal),
            outcome: outcome(member.role, &[]),
            told: true,
            outcome_later: None,
            healthy: scenario.is_none(),
            remedied: matches!(member.role, Role::Suffers(_, Repair::BeforeFirstUpload)),
            silent: member.role == Role::Silent,
            collected_at: None,
            collected_again_at: None,
            files: Vec::new(),
        }
    }
}

/// Devices fail alike when the same thing is at fault; where nothing is named, when the root code is the same.
fn cluster_id(cause: &str, case: Option<&Case>) -> String {
    let culprit = case.and_then(|case| case.culprit.as_ref());
    let root = case.and_then(|case| case.inner_code.or(case.error_code));
    match (culprit, root) {
        (Some(culprit), _) => format!("{cause}:{}", culprit.to_lowercase()),
        (None, Some(code)) => format!("{cause}:0x{code:08x}"),
        (None, None) => cause.to_owned(),
    }
}

fn write_bundle(
    folder: &Path,
    device: &Device,
    at: Timestamp,
    files: &[BundleFile],
) -> Result<(), SimulateError> {
    bundle::write(
        &folder.join(format!("{}.zip", device.name)),
        device,
        device.zone.to_datetime(at),
        files,
    )
}

/// What has become of a device that lived through these happenings.
fn outcome(role: Role, happenings: &[Happening]) -> Outcome {
    let completed = happenings.iter().any(|h| h.what == What::Restart(true));
    let last = happenings.iter().rev().find_map(|h| {
        if let What::Attempt(_, ending) = h.what {
            Some(ending)
        } else {
            None
        }
    });
    match role {
        Role::Silent => Outcome::Silent,
        Role::Excluded(..) => Outcome::Excluded,
        Role::Reports(Fate::Stale) => Outcome::Stale,
        _ if completed => Outcome::Installed,
        Role::Suffers(..) => Outcome::Failed,
        Role::Reports(_) if last == Some(Ending::InProgress) => Outcome::InProgress,
        Role::Reports(_) => Outcome::PendingRestart,
    }
}

fn uploads_again(role: Role, random: &mut Random) -> bool {
    match role {
        Role::Reports(Fate::InProgress | Fate::PendingRestart)
        | Role::Suffers(_, Repair::BeforeLaterUpload) => true,
        Role::Suffers(_, Repair::Never) => random.chance(0.5),
        Role::Reports(Fate::Installs) | Role::Suffers(..) => random.chance(0.08),
        _ => false,
    }
}

#[cfg(test)]
pub(crate) mod tests;
