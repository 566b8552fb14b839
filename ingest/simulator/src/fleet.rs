//! The devices of a simulation, and what becomes of each.

use jiff::tz::TimeZone;

use crate::{
    Mix, Plan, Scenario, SimulateError,
    device::{Device, MODELS, Services, Style},
    random::Random,
    scenario::Stage,
    schedule::{Fate, Reach, Repair},
};

/// A device and its part in the rollout.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) device: Device,
    pub(crate) role: Role,
}

/// The parts that devices play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Lives through this and uploads.
    Reports(Fate),
    /// Suffers from this scenario.
    Suffers(Scenario, Repair),
    /// Planned, and never heard of.
    Silent,
    /// Left out for a reason; `true` when it uploads all the same.
    Excluded(&'static str, bool),
}

/// Which of a scenario's culprits a device suffers from.
pub(crate) fn group(plan: &Plan, device: &Device) -> u32 {
    let random = &mut Random::for_path(&[plan.seed, 0x96, u64::from(device.index)]);
    u32::try_from(random.below(u64::from(plan.culprits.max(1)))).unwrap_or_default()
}

/// Draws the fleet of a plan.
pub(crate) fn draw(plan: &Plan) -> Result<Vec<Member>, SimulateError> {
    check(plan)?;
    let random = &mut Random::for_path(&[plan.seed, 0xf1ee7]);
    let mut free: Vec<Device> = (0..plan.devices)
        .map(|index| draw_device(plan, index, random))
        .collect::<Result<_, _>>()?;
    let mut members = Vec::with_capacity(free.len());
    let mut quota = Quota {
        devices: f64::from(plan.devices),
        owed: 0.0,
    };
    for (scenario, share) in &plan.mix.failures {
        for _ in 0..quota.take(*share) {
            let Some(mut device) = take_by_affinity(&mut free, *scenario, random) else {
                continue;
            };
            let culprit = group(plan, &device);
            scenario.shape(&mut device, &plan.release, culprit, random);
            let is_repaired = random.chance(plan.mix.repaired_later);
            let repair = if is_repaired && !scenario.is_outside_the_client() {
                Repair::BeforeLaterUpload
            } else {
                Repair::Never
            };
            members.push(Member {
                device,
                role: Role::Suffers(*scenario, repair),
            });
        }
    }
    let remedied = quota.take(plan.mix.remedied);
    for _ in 0..remedied {
        let Some(scenario) = draw_remedied(&plan.mix, random) else {
            continue;
        };
        let Some(mut device) = take_by_affinity(&mut free, scenario, random) else {
            continue;
        };
        let culprit = group(plan, &device);
        scenario.shape(&mut device, &plan.release, culprit, random);
        members.push(Member {
            device,
            role: Role::Suffers(scenario, Repair::BeforeFirstUpload),
        });
    }
    random.shuffle(&mut free);
    let mut roles = Vec::new();
    let mut repeat = |role: Role, count: usize| roles.extend(std::iter::repeat_n(role, count));
    repeat(
        Role::Reports(Fate::InProgress),
        quota.take(plan.mix.in_progress),
    );
    repeat(
        Role::Reports(Fate::PendingRestart),
        quota.take(plan.mix.pending_restart),
    );
    repeat(Role::Silent, quota.take(plan.mix.silent));
    repeat(Role::Reports(Fate::Stale), quota.take(plan.mix.stale));
    let excluded = quota.take(plan.mix.excluded);
    repeat(
        Role::Excluded("runs Windows 7, to be replaced", true),
        excluded.div_ceil(2),
    );
    repeat(Role::Excluded("in repair", false), excluded / 2);
    let roles = roles
        .into_iter()
        .chain(std::iter::repeat(Role::Reports(Fate::Installs)));
    for (mut device, role) in free.into_iter().zip(roles) {
        if matches!(role, Role::Excluded(_, true)) {
            make_legacy(&mut device);
        }
        members.push(Member { device, role });
    }
    members.sort_by_key(|member| member.device.index);
    Ok(members)
}

impl Scenario {
    /// What setup, an image tool or the Store stumbles over is no attempt of the update client: that the
    /// client installs the monthly update later does not make it good.
    fn is_outside_the_client(self) -> bool {
        matches!(
            self,
            Self::AccessBlockInSetup
                | Self::AccessBlockInDism
                | Self::ImageDamaged
                | Self::MigrationFailed
                | Self::CompatibilityBlock
                | Self::SetupDriverFailed
                | Self::StoreAppFailed
        )
    }

    /// How far attempts get, as the schedule must know.
    pub(crate) fn reach(self, stage: Stage) -> Reach {
        match (self, stage) {
            (Self::ManifestHashWrong, _) => Reach::EarlierMonths,
            (_, Stage::Elsewhere) => Reach::None,
            (_, Stage::Restart) => Reach::Restart,
            (Self::NetworkUnreachable, _) => Reach::Network,
            (_, Stage::Scan) => Reach::Search,
            (_, Stage::SearchStart) => Reach::Service,
            _ => Reach::BeforeRestart,
        }
    }
}

/// Turns shares into whole numbers of devices, and carries what was rounded off over to the next.
struct Quota {
    devices: f64,
    owed: f64,
}

impl Quota {
    fn take(&mut self, share: f64) -> usize {
        self.owed += share * self.devices;
        let whole = (self.owed + 0.5).floor().max(0.0);
        self.owed -= whole;
        // A plan's numbers are small and checked: between 0 and the number of devices.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole, not negative, at most 2^32"
        )]
        let count = whole as usize;
        count
    }
}

fn check(plan: &Plan) -> Result<(), SimulateError> {
    let wrong = |what: &str| Err(SimulateError::Plan(what.to_owned()));
    let mix = &plan.mix;
    let shares = [
        mix.remedied,
        mix.in_progress,
        mix.pending_restart,
        mix.silent,
        mix.stale,
        mix.excluded,
    ];
    let all: Vec<f64> = shares
        .into_iter()
        .chain(mix.failures.iter().map(|(_, share)| *share))
        .collect();
    if all.iter().any(|share| !(0.0..=1.0).contains(share)) {
        return wrong("every share of the mix must lie between 0 and 1");
    }
    if all.iter().sum::<f64>() > 1.0 + 1e-9 {
        return wrong("the shares of the mix add up to more than 1; make some of them smaller");
    }
    if plan.sites.is_empty() || plan.release.builds.is_empty() || plan.release.earlier.is_empty() {
        return wrong("it needs at least one site, one target build and one earlier update");
    }
    Ok(())
}

fn take_by_affinity(
    free: &mut Vec<Device>,
    scenario: Scenario,
    random: &mut Random,
) -> Option<Device> {
    let weights: Vec<u32> = free
        .iter()
        .map(|device| scenario.affinity(device))
        .collect();
    let index = random.weighted(&weights);
    (index < free.len()).then(|| free.swap_remove(index))
}

fn draw_remedied(mix: &Mix, random: &mut Random) -> Option<Scenario> {
    let known: Vec<Scenario> = mix
        .failures
        .iter()
        .map(|(scenario, _)| *scenario)
        .filter(|scenario| !scenario.is_outside_the_client())
        .collect();
    let index = usize::try_from(random.below(known.len() as u64)).unwrap_or_default();
    known.get(index).copied()
}

fn draw_device(plan: &Plan, index: u32, random: &mut Random) -> Result<Device, SimulateError> {
    let weights: Vec<u32> = plan.sites.iter().map(|site| site.weight).collect();
    let site_index = random.weighted(&weights);
    let site = plan
        .sites
        .get(site_index)
        .ok_or_else(|| SimulateError::Plan("it has no site".to_owned()))?;
    let zone = TimeZone::posix(&site.zone).map_err(|error| {
        SimulateError::Plan(format!(
            "the zone {:?} of site {} is no POSIX time zone: {error}",
            site.zone, site.name
        ))
    })?;
    let languages: Vec<u32> = site.languages.iter().map(|(_, weight)| *weight).collect();
    let language = site
        .languages
        .get(random.weighted(&languages))
        .map(|(language, _)| *language)
        .unwrap_or_default();
    let model = MODELS
        .get(random.weighted(&[34, 22, 18, 12, 8, 10]))
        .copied()
        .unwrap_or_default();
    let build = plan
        .release
        .builds
        .get(random.weighted(&[7, 3]))
        .or(plan.release.builds.first())
        .copied()
        .unwrap_or_default();
    let recent = plan
        .release
        .earlier
        .get(random.weighted(&[82, 13, 5]))
        .or(plan.release.earlier.first());
    let (ubr, stack_ubr) = recent.map_or((1, 1), |update| (update.ubr, update.stack_ubr));
    let installed_on = jiff::civil::date(2021, 11, 2)
        .saturating_add(jiff::Span::new().days(i64::from(random.between(0, 500))));
    let month_ago = recent.map_or(installed_on, |update| update.installed_on);
    let late = |days: u32| jiff::Span::new().days(i64::from(days));
    let mut hotfixes = vec![
        (5_011_048, false, installed_on.saturating_add(late(300))),
        (5_012_170, true, installed_on.saturating_add(late(340))),
    ];
    if build == 19_045 {
        // The package that made 22H2 of 21H2.
        hotfixes.push((5_015_684, false, installed_on.saturating_add(late(360))));
    }
    hotfixes.push((
        recent.map_or(0, |update| update.kb_article),
        true,
        month_ago.saturating_add(late(random.between(0, 6))),
    ));
    Ok(Device {
        index,
        name: format!(
            "{}-{:04}",
            site.prefix,
            100 + index * 3 + random.between(0, 2)
        ),
        site: site.name.clone(),
        site_index,
        zone,
        zone_label: site
            .zone_labels
            .iter()
            .find(|(spoken, _)| *spoken == language)
            .or(site.zone_labels.first())
            .map(|(_, label)| label.clone())
            .unwrap_or_default(),
        ring: random.weighted(&[12, 60, 28]),
        model,
        build,
        ubr,
        stack_ubr,
        edition: random.pick(&["Enterprise", "Professional", "Enterprise"]),
        domain: if site_index == 2 {
            Some("corp.example")
        } else {
            None
        },
        language,
        security_products: Device::draw_products(site_index, random),
        services: Services::default(),
        free_space_mb: model.disk_mb / 10 + random.between(9_000, model.disk_mb / 2),
        hotfixes,
        installed_on,
        style: Style::draw(language, random),
    })
}

/// Makes the device one that runs Windows 7.
fn make_legacy(device: &mut Device) {
    device.build = 7601;
    device.ubr = 24_545;
    device.edition = "Professional";
    device.hotfixes.retain(|(kb, _, _)| *kb == 5_012_170);
    for hotfix in &mut device.hotfixes {
        *hotfix = (4_534_310, true, jiff::civil::date(2020, 1, 17));
    }
}
