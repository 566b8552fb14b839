//! What one upload of a device holds: which files, in which encoding, as of when.

use jiff::Timestamp;

use crate::{
    Logs, Release,
    bundle::{BundleFile, FileKind},
    cbs::{self, Subject},
    certutil,
    device::{Device, Services, Style},
    dism,
    encoding::Encoding,
    event_log, inventory, procmon,
    random::Random,
    reference, reporting_events,
    scenario::{Case, Fault, Stage},
    schedule::{Happening, What},
    setup, setupapi, system_info, windows_update,
};

/// The files of one upload; a trimmed one has lost the beginning of its CBS.log.
pub(crate) fn files(
    subject: &Subject<'_>,
    happenings: &[Happening],
    at: Timestamp,
    presence: &Presence,
    trimmed: bool,
) -> Vec<BundleFile> {
    let device = subject.device;
    let style = device.style;
    let random = &mut Random::for_path(&[subject.seed, 0x0f, u64::from(device.index)]);
    let release = subject.release;
    let installed = happenings
        .iter()
        .find(|h| h.what == What::Restart(true))
        .map(|h| h.at);
    let mut state = device.clone();
    if let Some(installed) = installed {
        state.services = Services::default();
        state.free_space_mb = state.free_space_mb.max(9_000);
        let day = device.zone.to_datetime(installed).date();
        let (stack_kb, least_ubr, _) = release.requires;
        if device.ubr < least_ubr {
            state.hotfixes.push((stack_kb, true, day));
        }
        state.hotfixes.push((release.kb_article, true, day));
    }
    let ubr = ubr_after(release, device, happenings);
    let hotfix_ids: Vec<u32> = state.hotfixes.iter().map(|(kb, _, _)| *kb).collect();
    let mut upload = Upload {
        presence,
        style,
        files: Vec::new(),
    };
    upload.inventory(&state, ubr, at, &hotfix_ids, random);
    upload.logs(subject, happenings, trimmed);
    if let Some((path, hash)) = subject.case.and_then(|case| case.hashed_file.as_ref()) {
        // After the repair the operator checks once more, and the hash is right.
        let hash = if installed.is_some() {
            &reference::package_hash(release, subject.seed)
        } else {
            hash
        };
        upload.add(
            FileKind::Certutil,
            style.console,
            &certutil::write(device, path, hash),
        );
    }
    upload.files
}

/// The files that one upload has so far.
struct Upload<'a> {
    presence: &'a Presence,
    style: Style,
    files: Vec<BundleFile>,
}

impl Upload<'_> {
    fn add(&mut self, kind: FileKind, encoding: Encoding, text: &str) {
        if self.presence.has(kind) {
            self.add_as(kind, encoding, text);
        }
    }

    fn add_as(&mut self, kind: FileKind, encoding: Encoding, text: &str) {
        if !text.is_empty() {
            self.files.push(BundleFile {
                kind,
                bytes: encoding.encode(&self.style.line_end.apply(text)),
            });
        }
    }

    fn inventory(
        &mut self,
        state: &Device,
        ubr: u32,
        at: Timestamp,
        hotfix_ids: &[u32],
        random: &mut Random,
    ) {
        let plain = Encoding::Utf8;
        self.add(
            FileKind::DeviceFacts,
            plain,
            &inventory::collector_facts(state, at, state.free_space_mb),
        );
        self.add(
            FileKind::OsVersion,
            plain,
            &inventory::os_version(state, ubr),
        );
        self.add(
            FileKind::SystemInfo,
            self.style.console,
            &system_info::write(state, at, hotfix_ids, random),
        );
        // Support engineers send either form of the same list.
        if random.chance(0.6) {
            let list = inventory::hotfix_csv(state, &state.hotfixes);
            self.add(FileKind::HotfixCsv, plain, &list);
        } else if self.presence.has(FileKind::HotfixCsv) {
            let list = inventory::hotfix_table(state, &state.hotfixes);
            self.add_as(FileKind::HotfixTable, Encoding::Utf16Le, &list);
        }
        self.add(FileKind::Services, plain, &inventory::services(state));
    }

    fn logs(&mut self, subject: &Subject<'_>, happenings: &[Happening], trimmed: bool) {
        let log = self.style.log;
        self.add(
            FileKind::Events,
            Encoding::Utf8,
            &event_log::write(subject, happenings),
        );
        self.add(
            FileKind::WindowsUpdate,
            log,
            &windows_update::write(subject, happenings),
        );
        self.add(
            FileKind::ReportingEvents,
            Encoding::Utf16Le,
            &reporting_events::write(subject, happenings),
        );
        if !subject.device.is_legacy() {
            let servicing = cbs::write(subject, happenings);
            let servicing = if trimmed {
                without_beginning(&servicing)
            } else {
                &servicing
            };
            self.add(FileKind::Cbs, log, servicing);
            self.add(
                FileKind::Dism,
                Encoding::Utf8Bom,
                &dism::write(subject, happenings),
            );
        }
        self.add(
            FileKind::Setup,
            Encoding::Utf16Le,
            &setup::write(subject, happenings),
        );
        if !subject.device.is_legacy() {
            let drivers = setupapi::write(subject, happenings);
            self.add(FileKind::Setupapi, Encoding::Utf8, &drivers);
        }
        self.add(
            FileKind::Procmon,
            Encoding::Utf8Bom,
            &procmon::write(subject, happenings),
        );
    }
}

/// The revision that a device has after these happenings.
pub(crate) fn ubr_after(release: &Release, device: &Device, happenings: &[Happening]) -> u32 {
    if happenings.iter().any(|h| h.what == What::Restart(true)) {
        release.ubr
    } else {
        device.ubr
    }
}

/// The log without its first third, cut where a record begins.
fn without_beginning(log: &str) -> &str {
    let third = log.len() / 3;
    let starts = log.match_indices("\n20").map(|(at, _)| at + 1);
    starts
        .filter(|at| *at >= third)
        .find_map(|at| log.get(at..))
        .unwrap_or(log)
}

/// Which files a device's bundles hold.
pub(crate) struct Presence(Vec<FileKind>);

/// What a collector takes whatever else is there.
const ALWAYS: [FileKind; 6] = [
    FileKind::DeviceFacts,
    FileKind::OsVersion,
    FileKind::Setup,
    FileKind::Setupapi,
    FileKind::Procmon,
    FileKind::Certutil,
];

impl Presence {
    pub(crate) fn draw(logs: &Logs, case: Option<&Case>, random: &mut Random) -> Self {
        if logs.single > 0.0 && random.chance(logs.single) {
            return Self::draw_single(case, random);
        }
        let fault = case.map(|case| &case.fault);
        let at = |stage: Stage| fault.is_some_and(|fault| fault.stage == stage);
        let attempted = at(Stage::Install)
            || at(Stage::Download)
            || at(Stage::Restart)
            || at(Stage::Scan)
            || at(Stage::SearchStart);
        let is_told = |says: fn(&Fault) -> bool| fault.is_some_and(says);
        // Without the log in the last column the failure could not be known.
        let choices = [
            (FileKind::WindowsUpdate, logs.windows_update, attempted),
            (
                FileKind::Cbs,
                logs.cbs,
                is_told(|fault| !fault.cbs.is_empty()),
            ),
            (
                FileKind::Dism,
                logs.dism,
                is_told(|fault| !fault.dism.is_empty()),
            ),
            (
                FileKind::Events,
                logs.events,
                is_told(|fault| !fault.events.is_empty()),
            ),
            (FileKind::ReportingEvents, logs.reporting_events, false),
            (FileKind::SystemInfo, logs.system_info, false),
            (FileKind::HotfixCsv, logs.hotfixes, false),
            (FileKind::Services, logs.services, at(Stage::SearchStart)),
        ];
        let drawn = choices
            .into_iter()
            .filter(|(_, share, needed)| random.chance(*share) || *needed)
            .map(|(kind, _, _)| kind);
        Self(drawn.chain(ALWAYS).collect())
    }

    /// One log, as somebody sends it who was asked for "the log"; `systeminfo` with it, and not always
    /// what the collector knows.
    fn draw_single(case: Option<&Case>, random: &mut Random) -> Self {
        let log = match random.between(0, 9) {
            0..=3 => FileKind::Cbs,
            4..=6 => FileKind::Events,
            7..=8 => FileKind::WindowsUpdate,
            _ => FileKind::ReportingEvents,
        };
        // Who has a failed setup to show sends its log.
        let log = match case.map(|case| &case.fault) {
            Some(fault) if !fault.setup.is_empty() && random.chance(0.5) => FileKind::Setup,
            Some(fault) if !fault.dism.is_empty() && random.chance(0.5) => FileKind::Dism,
            _ => log,
        };
        let mut kinds = vec![log, FileKind::SystemInfo];
        if random.chance(0.5) {
            kinds.extend([FileKind::OsVersion, FileKind::DeviceFacts]);
        }
        Self(kinds)
    }

    fn has(&self, kind: FileKind) -> bool {
        self.0.contains(&kind)
    }

    /// True when what is there tells the cause and the culprit of the case.
    pub(crate) fn tells(&self, case: Option<&Case>) -> bool {
        let Some(case) = case else { return true };
        let all = |kinds: &[FileKind]| kinds.iter().all(|kind| self.has(*kind));
        if let Some(sets) = case.told_by {
            return sets.iter().any(|kinds| all(kinds));
        }
        let fault = &case.fault;
        let speaking = [
            (!fault.cbs.is_empty(), FileKind::Cbs),
            (!fault.dism.is_empty(), FileKind::Dism),
            (!fault.setup.is_empty(), FileKind::Setup),
            (!fault.events.is_empty(), FileKind::Events),
            (case.traced_file.is_some(), FileKind::Procmon),
            (case.hashed_file.is_some(), FileKind::Certutil),
            (
                matches!(fault.stage, Stage::Scan | Stage::SearchStart),
                FileKind::WindowsUpdate,
            ),
        ];
        speaking
            .into_iter()
            .all(|(speaks, kind)| !speaks || self.has(kind))
    }
}
