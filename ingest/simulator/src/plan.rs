//! What is to be simulated.

use jiff::civil::{Date, date};

use crate::{Language, Scenario};

/// The whole order: how many devices, from which day, with which mix of fates.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many devices the rollout plans for, silent and excluded ones included.
    pub devices: u32,
    /// Everything random follows from it.
    pub seed: u64,
    /// The day on which the update is released. The first uploads come 12 days later, the later ones 17.
    pub start: Date,
    /// The update that is rolled out.
    pub release: Release,
    /// Where the devices stand.
    pub sites: Vec<Site>,
    /// What becomes of them.
    pub mix: Mix,
    /// Which logs they upload.
    pub logs: Logs,
    /// How many different culprits a scenario has: devices are spread over them.
    pub culprits: u32,
}

impl Default for Plan {
    /// 110 devices on five sites in three rings, the update of August 2024.
    fn default() -> Self {
        Self {
            devices: 110,
            seed: 1,
            start: date(2024, 8, 13),
            release: Release::default(),
            sites: Site::five(),
            mix: Mix::default(),
            logs: Logs::default(),
            culprits: 1,
        }
    }
}

impl Plan {
    /// A fleet to measure a diagnosis with: every scenario, several culprits each, bundles of one log,
    /// and a release that follows from the seed.
    pub fn wide(devices: u32, seed: u64) -> Self {
        Self {
            devices,
            seed,
            release: Release::of(seed),
            sites: Site::six(),
            mix: Mix::wide(),
            logs: Logs::wide(),
            culprits: (devices / 400).clamp(2, 12),
            ..Self::default()
        }
    }
}

/// The update of a rollout and what stands before it.
#[derive(Debug, Clone)]
pub struct Release {
    /// `2024-08`, as in the update's title.
    pub month: String,
    /// Number of its article.
    pub kb_article: u32,
    /// The builds it is for.
    pub builds: Vec<u32>,
    /// The build that its package is named after.
    pub base_build: u32,
    /// The revision (UBR) that it brings.
    pub ubr: u32,
    /// Last two parts of its package version.
    pub package_revision: String,
    /// The servicing stack update that must be there first: article, least UBR, least stack revision.
    pub requires: (u32, u32, u32),
    /// The cumulative updates before it, newest first.
    pub earlier: Vec<EarlierUpdate>,
}

impl Release {
    /// One of the releases of that month, by seed.
    pub fn of(seed: u64) -> Self {
        let earlier = |month: &str, kb_article, ubr, stack_ubr, installed_on| EarlierUpdate {
            month: month.to_owned(),
            kb_article,
            ubr,
            stack_ubr,
            installed_on,
        };
        match seed % 4 {
            0 => Self {
                kb_article: 5_041_578,
                builds: vec![17_763],
                base_build: 17_763,
                ubr: 6189,
                package_revision: "1.13".to_owned(),
                requires: (5_005_112, 2114, 2111),
                earlier: vec![
                    earlier("2024-07", 5_040_430, 6054, 5994, date(2024, 7, 11)),
                    earlier("2024-06", 5_039_217, 5936, 5933, date(2024, 6, 14)),
                    earlier("2024-05", 5_037_765, 5820, 5815, date(2024, 5, 16)),
                    earlier("2021-07", 5_004_244, 2061, 2059, date(2021, 7, 16)),
                    earlier("2021-06", 5_003_646, 1999, 1997, date(2021, 6, 11)),
                ],
                ..Self::default()
            },
            2 => Self {
                kb_article: 5_041_773,
                builds: vec![14_393],
                base_build: 14_393,
                ubr: 7259,
                package_revision: "1.17".to_owned(),
                requires: (5_023_788, 5786, 5786),
                earlier: vec![
                    earlier("2024-07", 5_040_434, 7159, 7151, date(2024, 7, 12)),
                    earlier("2024-06", 5_039_214, 7070, 7064, date(2024, 6, 13)),
                    earlier("2024-05", 5_037_763, 6981, 6977, date(2024, 5, 17)),
                    earlier("2022-09", 5_017_305, 5356, 5350, date(2022, 9, 16)),
                    earlier("2022-08", 5_016_622, 5291, 5285, date(2022, 8, 12)),
                ],
                ..Self::default()
            },
            3 => Self {
                kb_article: 5_041_585,
                builds: vec![22_631, 22_621],
                base_build: 22_621,
                ubr: 4037,
                package_revision: "1.9".to_owned(),
                requires: (5_031_539, 2428, 2423),
                earlier: vec![
                    earlier("2024-07", 5_040_442, 3880, 3870, date(2024, 7, 11)),
                    earlier("2024-06", 5_039_212, 3737, 3730, date(2024, 6, 14)),
                    earlier("2024-05", 5_037_771, 3593, 3589, date(2024, 5, 16)),
                    earlier("2023-09", 5_030_219, 2283, 2275, date(2023, 9, 15)),
                    earlier("2023-08", 5_029_263, 2134, 2129, date(2023, 8, 11)),
                ],
                ..Self::default()
            },
            _ => Self::default(),
        }
    }
}

/// A cumulative update of an earlier month.
#[derive(Debug, Clone)]
pub struct EarlierUpdate {
    /// `2024-07`.
    pub month: String,
    /// Number of its article.
    pub kb_article: u32,
    /// The revision (UBR) that it brings.
    pub ubr: u32,
    /// Revision of the servicing stack that comes with it.
    pub stack_ubr: u32,
    /// When devices got it.
    pub installed_on: Date,
}

impl Default for Release {
    fn default() -> Self {
        let earlier = |month: &str, kb_article, ubr, stack_ubr, installed_on| EarlierUpdate {
            month: month.to_owned(),
            kb_article,
            ubr,
            stack_ubr,
            installed_on,
        };
        Self {
            month: "2024-08".to_owned(),
            kb_article: 5_041_580,
            builds: vec![19_045, 19_044],
            base_build: 19_041,
            ubr: 4780,
            package_revision: "1.7".to_owned(),
            requires: (5_014_032, 1741, 1737),
            earlier: vec![
                earlier("2024-07", 5_040_427, 4651, 4585, date(2024, 7, 11)),
                earlier("2024-06", 5_039_211, 4529, 4467, date(2024, 6, 14)),
                earlier("2024-05", 5_037_768, 4412, 4351, date(2024, 5, 16)),
                earlier("2022-05", 5_013_942, 1706, 1680, date(2022, 5, 13)),
                earlier("2022-04", 5_012_599, 1645, 1613, date(2022, 4, 15)),
                earlier("2022-03", 5_011_487, 1586, 1559, date(2022, 3, 11)),
            ],
        }
    }
}

/// A place with devices.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// What its computer names begin with.
    pub prefix: String,
    /// Time zone as a POSIX rule: `CST-8`, `CET-1CEST,M3.5.0,M10.5.0/3`.
    pub zone: String,
    /// The zone as `systeminfo` prints it, by language; the first is printed where a language has none.
    pub zone_labels: Vec<(Language, String)>,
    /// Display languages of its devices, with weights.
    pub languages: Vec<(Language, u32)>,
    /// How many of the devices stand there, as a weight.
    pub weight: u32,
}

impl Site {
    /// The five, and one more whose console speaks Big5.
    fn six() -> Vec<Self> {
        let mut sites = Self::five();
        sites.push(Self {
            name: "Taipei".to_owned(),
            prefix: "TPE".to_owned(),
            zone: "CST-8".to_owned(),
            zone_labels: vec![
                (Language::English, "(UTC+08:00) Taipei".to_owned()),
                (Language::ChineseTraditional, "(UTC+08:00) 台北".to_owned()),
            ],
            languages: vec![(Language::ChineseTraditional, 4), (Language::English, 1)],
            weight: 16,
        });
        sites
    }

    fn five() -> Vec<Self> {
        let site = |name: &str,
                    prefix: &str,
                    zone: &str,
                    labels: &[(Language, &str)],
                    languages: &[(Language, u32)],
                    weight| Self {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            zone: zone.to_owned(),
            zone_labels: labels
                .iter()
                .map(|(language, label)| (*language, (*label).to_owned()))
                .collect(),
            languages: languages.to_vec(),
            weight,
        };
        vec![
            site(
                "Hangzhou",
                "HZ",
                "CST-8",
                &[
                    (
                        Language::English,
                        "(UTC+08:00) Beijing, Chongqing, Hong Kong, Urumqi",
                    ),
                    (
                        Language::Chinese,
                        "(UTC+08:00) 北京，重庆，香港特别行政区，乌鲁木齐",
                    ),
                ],
                &[(Language::Chinese, 5), (Language::English, 1)],
                32,
            ),
            site(
                "Singapore",
                "SG",
                "<+08>-8",
                &[
                    (Language::English, "(UTC+08:00) Kuala Lumpur, Singapore"),
                    (Language::Chinese, "(UTC+08:00) 吉隆坡，新加坡"),
                ],
                &[(Language::English, 4), (Language::Chinese, 1)],
                24,
            ),
            site(
                "Strasbourg",
                "SXB",
                "CET-1CEST,M3.5.0,M10.5.0/3",
                &[
                    (
                        Language::French,
                        "(UTC+01:00) Bruxelles, Copenhague, Madrid, Paris",
                    ),
                    (
                        Language::German,
                        "(UTC+01:00) Brüssel, Kopenhagen, Madrid, Paris",
                    ),
                ],
                &[(Language::French, 3), (Language::German, 2)],
                20,
            ),
            site(
                "Kazan",
                "KZN",
                "MSK-3",
                &[
                    (Language::English, "(UTC+03:00) Moscow, St. Petersburg"),
                    (Language::Russian, "(UTC+03:00) Москва, Санкт-Петербург"),
                ],
                &[(Language::Russian, 4), (Language::English, 1)],
                18,
            ),
            site(
                "Osaka",
                "OSA",
                "JST-9",
                &[
                    (Language::English, "(UTC+09:00) Osaka, Sapporo, Tokyo"),
                    (Language::Japanese, "(UTC+09:00) 大阪、札幌、東京"),
                ],
                &[(Language::Japanese, 3), (Language::English, 1)],
                16,
            ),
        ]
    }
}

/// Which share of the devices meets which fate; what is left over installs the update at once.
#[derive(Debug, Clone)]
pub struct Mix {
    /// Devices that fail, by scenario.
    pub failures: Vec<(Scenario, f64)>,
    /// Devices that failed first and installed the update before their first upload.
    pub remedied: f64,
    /// Devices that download or install while they upload.
    pub in_progress: f64,
    /// Devices that wait for a restart.
    pub pending_restart: f64,
    /// Planned devices that never upload anything.
    pub silent: f64,
    /// Devices whose only upload is weeks old.
    pub stale: f64,
    /// Devices that are left out of the rollout.
    pub excluded: f64,
    /// Which part of the failing devices has been repaired when it uploads again.
    pub repaired_later: f64,
}

impl Mix {
    /// Every scenario alike: a third of all devices fails.
    pub fn wide() -> Self {
        Self {
            failures: Scenario::ALL
                .into_iter()
                .map(|scenario| (scenario, 0.008))
                .collect(),
            ..Self::default()
        }
    }
}

impl Default for Mix {
    fn default() -> Self {
        let of_110 = |devices: u32| f64::from(devices) / 110.0;
        let failures = [
            (Scenario::FeaturePackageDamaged, 3),
            (Scenario::FileSystemDamaged, 2),
            (Scenario::StackMissingAtInstall, 2),
            (Scenario::StackMissingAtScan, 3),
            (Scenario::DownloadCorrupt, 2),
            (Scenario::ServiceDisabled, 2),
            (Scenario::PolicyFileDamaged, 1),
            (Scenario::AccessBlockInSetup, 1),
            (Scenario::AccessBlockInDism, 1),
            (Scenario::AccessBlockAtInstall, 2),
            (Scenario::ManifestHashWrong, 2),
            (Scenario::DiskFull, 1),
            (Scenario::InstallerFailed, 1),
            (Scenario::PackageHashChanged, 1),
        ];
        Self {
            failures: failures
                .into_iter()
                .map(|(scenario, devices)| (scenario, of_110(devices)))
                .collect(),
            remedied: of_110(5),
            in_progress: of_110(2),
            pending_restart: of_110(2),
            silent: of_110(5),
            stale: of_110(3),
            excluded: of_110(4),
            repaired_later: 0.5,
        }
    }
}

/// Share of the bundles that hold each log, from 0 to 1. A log without which a device's failure could
/// not be known is always there.
#[derive(Debug, Clone)]
pub struct Logs {
    /// WindowsUpdate.log.
    pub windows_update: f64,
    /// CBS.log.
    pub cbs: f64,
    /// dism.log.
    pub dism: f64,
    /// Event log records as NDJSON.
    pub events: f64,
    /// ReportingEvents.log.
    pub reporting_events: f64,
    /// systeminfo.txt.
    pub system_info: f64,
    /// Hotfix list.
    pub hotfixes: f64,
    /// Service start types.
    pub services: f64,
    /// Share of the devices that hand over one log only, with little inventory.
    pub single: f64,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            windows_update: 0.97,
            cbs: 0.97,
            dism: 0.85,
            events: 0.97,
            reporting_events: 0.25,
            system_info: 0.97,
            hotfixes: 0.9,
            services: 0.6,
            single: 0.0,
        }
    }
}

impl Logs {
    /// As by default, but a fifth of the devices hands over one log only.
    pub fn wide() -> Self {
        Self {
            single: 0.2,
            ..Self::default()
        }
    }
}
