//! What happens on a device, and when: the one timeline that all of its logs tell.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use crate::{
    device::{Device, RINGS},
    random::Random,
};

/// Something that happens on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Happening {
    /// When it begins.
    pub(crate) at: Timestamp,
    /// Its place in the device's life: names its stream of random numbers in every log.
    pub(crate) ordinal: u64,
    pub(crate) what: What,
}

/// The kinds of happenings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// The device starts; `true` after it had lost power.
    Boot(bool),
    /// The orchestrator looks for updates and finds none.
    RoutineScan,
    /// Malware definitions are updated.
    DefinitionUpdate,
    /// A Store app is updated.
    StoreUpdate,
    /// A management agent asks the servicing stack for features and packages.
    ServicingInventory,
    /// Disk cleanup looks through the image.
    DiskCleanup,
    /// The device tries an update: index into the known updates, 0 is the rollout's; how it ends.
    Attempt(usize, Ending),
    /// The device restarts to complete the update; `false` when it is rolled back.
    Restart(bool),
}

/// How an attempt ends before a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// Staged; a restart completes it.
    PendingRestart,
    /// Still at work at the end of the log.
    InProgress,
    /// It fails as the device's scenario says.
    Failed,
}

/// What becomes of a device, as far as the schedule must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Installs the update at once.
    Installs,
    /// Fails, and is repaired before the first (`true`) or before the later upload, or never.
    Fails {
        repaired: Repair,
        stage_reached: Reach,
    },
    /// Is at work when it uploads first.
    InProgress,
    /// Waits for a restart when it uploads first.
    PendingRestart,
    /// Uploads once, weeks before the rollout.
    Stale,
    /// Takes no part, but lives.
    Bystander,
}

/// When a failing device is repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repair {
    BeforeFirstUpload,
    BeforeLaterUpload,
    Never,
}

/// How far the attempts of a failing device get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// No attempt of the update client at all: something else fails.
    None,
    /// It fails before a restart.
    BeforeRestart,
    /// It fails in the restart and is rolled back.
    Restart,
    /// As before a restart, and the updates of earlier months failed likewise.
    EarlierMonths,
    /// No search of the update client gets through any more.
    Search,
    /// No server can be reached, the Store's neither.
    Network,
    /// The service is off: nothing that needs it happens any more.
    Service,
}

/// Days from the release to the first uploads.
pub(crate) const FIRST_UPLOAD_DAYS: u32 = 12;
/// Days from the release to the later uploads.
pub(crate) const LATER_UPLOAD_DAYS: u32 = 17;
/// Days from a stale device's only upload to the release.
pub(crate) const STALE_DAYS: i64 = 24;

/// The timeline of one device, and when it uploads.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) happenings: Vec<Happening>,
    pub(crate) first_upload: Timestamp,
    pub(crate) later_upload: Timestamp,
}

impl Schedule {
    /// What the logs of an upload at this time tell.
    pub(crate) fn until(&self, upload: Timestamp) -> &[Happening] {
        let end = self.happenings.partition_point(|h| h.at < upload);
        self.happenings.get(..end).unwrap_or_default()
    }

    /// Draws the life of a device around the release day.
    pub(crate) fn draw(
        device: &Device,
        fate: Fate,
        release_day: Date,
        random: &mut Random,
    ) -> Self {
        let mut draft = Draft {
            zone: device.zone.clone(),
            day_zero: release_day,
            entries: Vec::new(),
        };
        let ring_day = RINGS
            .get(device.ring)
            .map_or(1, |(_, days)| i64::from(*days));
        let attempt_day = ring_day + i64::from(random.between(0, 1));
        let (first, last) = if fate == Fate::Stale {
            (-STALE_DAYS - 4, -STALE_DAYS)
        } else {
            (attempt_day - 3, i64::from(LATER_UPLOAD_DAYS))
        };
        for day in first..=last {
            draft.ordinary_day(day, random);
        }
        draft.attempts(fate, attempt_day, random);
        let upload_day = if fate == Fate::Stale {
            -STALE_DAYS
        } else {
            i64::from(FIRST_UPLOAD_DAYS)
        };
        let first_upload = draft.instant(upload_day, 20 * 60 + random.between(0, 90), random);
        let later_upload = draft.instant(
            i64::from(LATER_UPLOAD_DAYS),
            20 * 60 + random.between(0, 90),
            random,
        );
        if fate == Fate::InProgress {
            let start = first_upload - SignedDuration::from_mins(9);
            draft.entries.retain(|(at, _)| {
                *at < start - SignedDuration::from_mins(20) || *at > first_upload
            });
            draft
                .entries
                .push((start, What::Attempt(0, Ending::InProgress)));
        }
        draft.entries.sort();
        let ordinal = |index: usize| index as u64 + 1;
        let happenings = draft
            .entries
            .into_iter()
            .enumerate()
            .map(|(index, (at, what))| Happening {
                at,
                ordinal: ordinal(index),
                what,
            })
            .collect();
        Self {
            happenings,
            first_upload,
            later_upload,
        }
    }
}

struct Draft {
    zone: TimeZone,
    day_zero: Date,
    entries: Vec<(Timestamp, What)>,
}

impl Draft {
    /// An instant: days after the release and minutes after the device's midnight.
    fn instant(&self, day: i64, minute: u32, random: &mut Random) -> Timestamp {
        let date = self.day_zero.saturating_add(jiff::Span::new().days(day));
        let midnight = self
            .zone
            .to_ambiguous_zoned(date.at(0, 0, 0, 0))
            .compatible()
            .map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp());
        let millis = i64::from(minute) * 60_000 + i64::from(random.between(0, 59_999));
        midnight + SignedDuration::from_millis(millis)
    }

    fn add(&mut self, day: i64, minute: u32, what: What, random: &mut Random) {
        let at = self.instant(day, minute, random);
        self.entries.push((at, what));
    }

    fn ordinary_day(&mut self, day: i64, random: &mut Random) {
        let boot = random.between(460, 540);
        self.add(day, boot, What::Boot(random.chance(0.02)), random);
        self.add(day, boot + random.between(8, 40), What::RoutineScan, random);
        if random.chance(0.8) {
            self.add(
                day,
                random.between(590, 660),
                What::DefinitionUpdate,
                random,
            );
        }
        if random.chance(0.35) {
            self.add(day, random.between(700, 790), What::StoreUpdate, random);
        }
        if random.chance(0.5) {
            self.add(
                day,
                random.between(800, 880),
                What::ServicingInventory,
                random,
            );
        }
        if random.chance(0.3) {
            self.add(day, random.between(1080, 1130), What::DiskCleanup, random);
        }
    }

    fn attempts(&mut self, fate: Fate, day: i64, random: &mut Random) {
        let upload = i64::from(FIRST_UPLOAD_DAYS);
        let attempt = |ending| What::Attempt(0, ending);
        match fate {
            Fate::Installs => self.install(day, random),
            Fate::PendingRestart => {
                self.add(
                    upload - 1,
                    random.between(900, 990),
                    attempt(Ending::PendingRestart),
                    random,
                );
                self.add(
                    upload + 1,
                    random.between(1020, 1060),
                    What::Restart(true),
                    random,
                );
            }
            Fate::InProgress => self.install(upload + 2, random),
            Fate::Stale | Fate::Bystander => {}
            Fate::Fails {
                repaired,
                stage_reached,
            } => {
                if stage_reached == Reach::EarlierMonths {
                    self.add(
                        day - 36,
                        random.between(900, 960),
                        What::Attempt(1, Ending::Failed),
                        random,
                    );
                }
                let tries = i64::from(random.between(1, 3));
                for retry in 0..tries {
                    self.fail(day + retry, stage_reached, random);
                }
                match repaired {
                    Repair::BeforeFirstUpload => {
                        self.install((day + tries + 1).min(upload - 1), random);
                    }
                    Repair::BeforeLaterUpload => {
                        self.install(upload + 2 + i64::from(random.between(0, 1)), random);
                    }
                    Repair::Never => self.fail(upload + 2, stage_reached, random),
                }
                if matches!(
                    stage_reached,
                    Reach::Search | Reach::Network | Reach::Service
                ) {
                    self.spoil_searches(stage_reached != Reach::Search);
                }
            }
        }
    }

    /// From the first failure to the repair, routine scans fail as well, and what they would bring stays away.
    fn spoil_searches(&mut self, spoils_store: bool) {
        let first = |wanted: What| {
            self.entries
                .iter()
                .filter(|(_, what)| *what == wanted)
                .map(|(at, _)| *at)
                .min()
        };
        let begins = first(What::Attempt(0, Ending::Failed)).unwrap_or(Timestamp::MAX);
        let ends = first(What::Attempt(0, Ending::PendingRestart)).unwrap_or(Timestamp::MAX);
        self.entries.retain_mut(|(at, what)| {
            if !(begins..ends).contains(at) {
                return true;
            }
            match what {
                What::RoutineScan => *what = What::Attempt(0, Ending::Failed),
                What::DefinitionUpdate => return false,
                What::StoreUpdate => return !spoils_store,
                _ => {}
            }
            true
        });
    }

    fn fail(&mut self, day: i64, reach: Reach, random: &mut Random) {
        let minute = random.between(900, 990);
        match reach {
            Reach::Restart => {
                self.add(
                    day,
                    minute,
                    What::Attempt(0, Ending::PendingRestart),
                    random,
                );
                self.add(day, minute + 110, What::Restart(false), random);
            }
            _ => self.add(day, minute, What::Attempt(0, Ending::Failed), random),
        }
    }

    fn install(&mut self, day: i64, random: &mut Random) {
        let minute = random.between(900, 990);
        self.add(
            day,
            minute,
            What::Attempt(0, Ending::PendingRestart),
            random,
        );
        self.add(
            day,
            minute + random.between(105, 160),
            What::Restart(true),
            random,
        );
    }
}
