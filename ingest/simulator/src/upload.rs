//! What one upload of a device holds: which files, in which encoding, as of when.

use jiff::Timestamp;

use crate::{
    Logs, Release,
    bundle::{BundleFile, FileKind},
    cbs::{self, Subject},
    certutil,
    device::{Device, Services},
    dism,
    encoding::Encoding,
    event_log, inventory, procmon,
    random::Random,
    reference, reporting_events,
    scenario::{Case, Stage},
    schedule::{Happening, What},
    setup, system_info, windows_update,
};

/// The files of one upload; a trimmed one has lost the beginning of its CBS.log.
pub(crate) fn files(subject: &Subject<'_>, happenings: &[Happening], at: Timestamp, presence: &Presence, trimmed: bool) -> Vec<BundleFile> {
    let device = subject.device;
    let style = device.style;
    let random = &mut Random::for_path(&[subject.seed, 0x0f, u64::from(device.index)]);
    let release = subject.release;
    let repaired = happenings.iter().any(|h| h.what == What::Restart(true));
    let mut state = device.clone();
    if repaired {
        state.services = Services::default();
        state.free_space_mb = state.free_space_mb.max(9_000);
        state.hotfixes.push((release.kb_article, true, device.zone.to_datetime(at).date()));
    }
    let ubr = ubr_after(release, device, happenings);
    let hotfix_ids: Vec<u32> = state.hotfixes.iter().map(|(kb, _, _)| *kb).collect();
    let mut files = Vec::new();
    let mut add = |kind: FileKind, is_there: bool, encoding: Encoding, text: &str| {
        if is_there && !text.is_empty() {
            files.push(BundleFile { kind, bytes: encoding.encode(&style.line_end.apply(text)) });
        }
    };
    let servicing = cbs::write(subject, happenings);
    let servicing = if trimmed { without_beginning(&servicing) } else { &servicing };
    let plain = Encoding::Utf8;
    add(FileKind::DeviceFacts, true, plain, &inventory::collector_facts(&state, at, state.free_space_mb));
    add(FileKind::OsVersion, true, plain, &inventory::os_version(&state, ubr));
    add(FileKind::SystemInfo, presence.system_info, style.console, &system_info::write(&state, at, &hotfix_ids, random));
    if random.chance(0.6) {
        add(FileKind::HotfixCsv, presence.hotfixes, plain, &inventory::hotfix_csv(&state, &state.hotfixes));
    } else {
        add(FileKind::HotfixTable, presence.hotfixes, Encoding::Utf16Le, &inventory::hotfix_table(&state, &state.hotfixes));
    }
    add(FileKind::Services, presence.services, plain, &inventory::services(&state));
    add(FileKind::Events, presence.events, plain, &event_log::write(subject, happenings));
    add(FileKind::WindowsUpdate, presence.windows_update, style.log, &windows_update::write(subject, happenings));
    add(FileKind::ReportingEvents, presence.reporting_events, Encoding::Utf16Le, &reporting_events::write(subject, happenings));
    if !device.is_legacy() {
        add(FileKind::Cbs, presence.cbs, style.log, servicing);
        add(FileKind::Dism, presence.dism, Encoding::Utf8Bom, &dism::write(subject, happenings));
    }
    add(FileKind::Setup, true, Encoding::Utf16Le, &setup::write(subject, happenings));
    add(FileKind::Procmon, true, Encoding::Utf8Bom, &procmon::write(subject, happenings));
    if let Some((path, hash)) = subject.case.and_then(|case| case.hashed_file.as_ref()) {
        // After the repair the operator checks once more, and the hash is right.
        let hash = if repaired { &reference::package_hash(release, subject.seed) } else { hash };
        add(FileKind::Certutil, true, style.console, &certutil::write(device, path, hash));
    }
    files
}

/// The revision that a device has after these happenings.
pub(crate) fn ubr_after(release: &Release, device: &Device, happenings: &[Happening]) -> u32 {
    if happenings.iter().any(|h| h.what == What::Restart(true)) { release.ubr } else { device.ubr }
}

/// The log without its first third, cut where a record begins.
fn without_beginning(log: &str) -> &str {
    let third = log.len() / 3;
    let starts = log.match_indices("\n20").map(|(at, _)| at + 1);
    starts.filter(|at| *at >= third).find_map(|at| log.get(at..)).unwrap_or(log)
}

/// Which logs a device's bundles hold.
pub(crate) struct Presence {
    windows_update: bool,
    cbs: bool,
    dism: bool,
    events: bool,
    reporting_events: bool,
    system_info: bool,
    hotfixes: bool,
    services: bool,
}

impl Presence {
    pub(crate) fn draw(logs: &Logs, case: Option<&Case>, random: &mut Random) -> Self {
        let fault = case.map(|case| &case.fault);
        let at = |stage: Stage| fault.is_some_and(|fault| fault.stage == stage);
        let attempted = at(Stage::Install) || at(Stage::Restart) || at(Stage::Scan) || at(Stage::SearchStart);
        Self {
            windows_update: random.chance(logs.windows_update) || attempted,
            cbs: random.chance(logs.cbs) || fault.is_some_and(|fault| !fault.cbs.is_empty()),
            dism: random.chance(logs.dism) || fault.is_some_and(|fault| !fault.dism.is_empty()),
            events: random.chance(logs.events) || fault.is_some_and(|fault| !fault.events.is_empty()),
            reporting_events: random.chance(logs.reporting_events),
            system_info: random.chance(logs.system_info),
            hotfixes: random.chance(logs.hotfixes),
            services: random.chance(logs.services) || at(Stage::SearchStart),
        }
    }
}
