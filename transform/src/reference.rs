//! What an operator knows and the devices do not tell: published hashes, prerequisites, target
//! builds and planned rollouts. Read from CSV files that are recognised by their header.
//!
//! | kind | columns (`?` = may be left out) |
//! |---|---|
//! | published hashes | `kb_article,file_name,sha256` |
//! | prerequisites | `kb_article,os_build_number,requires_kb,requires_min_ubr,kind` (kind: `ssu` or `update`) |
//! | target builds | `kb_article,os_build_number,target_ubr` |
//! | rollouts | `rollout_id,name,kb_article,release_at?,started_at?,deadline_at?,target_builds?` (`19045:4780;22631:4037`) |
//! | rollout devices | `rollout_id,device_id,device_name?,site?,ring?,excluded?,exclusion_reason?` |

use jiff::Timestamp;
use patchlens_event::{DeviceId, KbArticle};

use crate::error::ReferenceProblem;
use crate::{Error, Result};

mod branches;
mod devices;
mod planned;
mod removal;

pub use branches::{builds_serviced_as, servicing_branch};
pub use devices::RolloutDevices;
pub use removal::without_rollout;

/// Problems of one file that are listed.
const PROBLEMS_MAX: usize = 50;

/// Reference data, all kinds together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reference {
    /// Hashes that the publisher states.
    pub published_hashes: Vec<PublishedHash>,
    /// Updates that must be there before others.
    pub prerequisites: Vec<Prerequisite>,
    /// Builds that updates lead to.
    pub target_builds: Vec<TargetBuild>,
    /// Planned rollouts.
    pub rollouts: Vec<Rollout>,
    /// Which devices belong to which rollout.
    pub rollout_devices: RolloutDevices,
}

/// The published SHA-256 of one package file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedHash {
    /// The update that the file installs.
    pub kb_article: u32,
    /// File name without path.
    pub file_name: String,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// An update that must be installed before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prerequisite {
    /// The update that needs the other.
    pub kb_article: u32,
    /// The servicing branch that this holds for.
    pub os_build_number: u32,
    /// The update that must be there first.
    pub requires_kb: u32,
    /// The least revision that has it.
    pub requires_min_ubr: u32,
    /// True when the other is a servicing stack update.
    pub is_servicing_stack: bool,
}

/// The revision that an update leads to on one servicing branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetBuild {
    /// The update.
    pub kb_article: u32,
    /// The servicing branch.
    pub os_build_number: u32,
    /// The revision.
    pub target_ubr: u32,
}

/// One update planned for many devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// Names the rollout for ever.
    pub rollout_id: String,
    /// What people call it.
    pub name: String,
    /// The update.
    pub kb_article: u32,
    /// When the update was published.
    pub release_at: Option<Timestamp>,
    /// When the rollout began.
    pub started_at: Option<Timestamp>,
    /// When every device should have it.
    pub deadline_at: Option<Timestamp>,
    /// Build and revision that it leads to; each is a [`TargetBuild`] of the update as well.
    pub target_builds: Vec<(u32, u32)>,
}

/// One device of one rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutDevice {
    /// The rollout.
    pub rollout_id: String,
    /// The device.
    pub device_id: String,
    /// The device's name, empty when not stated.
    pub device_name: String,
    /// Site, empty when not stated.
    pub site: String,
    /// Deployment ring, empty when not stated.
    pub ring: String,
    /// The device is left out on purpose.
    pub is_excluded: bool,
    /// Why it is left out.
    pub exclusion_reason: String,
}

/// The kind of a reference file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceKind {
    /// Published hashes.
    PublishedHashes,
    /// Prerequisites.
    Prerequisites,
    /// Target builds.
    TargetBuilds,
    /// Rollouts.
    Rollouts,
    /// Devices of rollouts.
    RolloutDevices,
}

impl ReferenceKind {
    const ALL: [(Self, &'static [&'static str]); 5] = [
        (
            Self::PublishedHashes,
            &["kb_article", "file_name", "sha256"],
        ),
        (
            Self::Prerequisites,
            &[
                "kb_article",
                "os_build_number",
                "requires_kb",
                "requires_min_ubr",
                "kind",
            ],
        ),
        (
            Self::TargetBuilds,
            &["kb_article", "os_build_number", "target_ubr"],
        ),
        (Self::Rollouts, &["rollout_id", "name", "kb_article"]),
        (Self::RolloutDevices, &["rollout_id", "device_id"]),
    ];

    fn of(header: &csv::StringRecord) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, columns)| {
                columns
                    .iter()
                    .all(|column| header.iter().any(|name| name == *column))
            })
            .map(|(kind, _)| *kind)
    }
}

/// The text of a reference file: UTF-8 with or without a mark, or UTF-16 with one, as spreadsheets save
/// "Unicode text". Bytes that are neither become replacement characters.
pub fn reference_text(bytes: &[u8]) -> String {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| {
            unit([
                pair.first().copied().unwrap_or_default(),
                pair.last().copied().unwrap_or_default(),
            ])
        });
        char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// What stands between the cells of the header: spreadsheets write a semicolon where the comma is the
/// decimal sign, and a tab into "Unicode text".
fn delimiter(text: &str) -> u8 {
    let header = text
        .lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .unwrap_or_default();
    let count = |delimiter: u8| header.bytes().filter(|byte| *byte == delimiter).count();
    [b',', b';', b'\t']
        .into_iter()
        .rev()
        .max_by_key(|delimiter| count(*delimiter))
        .unwrap_or(b',')
}

/// One row with its place, for errors.
struct Row<'a> {
    header: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
    /// It was taken before, by whatever was asked of it then.
    is_kept: bool,
}

impl Reference {
    /// Adds the rows of one CSV file; `file` is its name in errors. Returns what kind it was, or
    /// `None` when the header is that of no reference file.
    ///
    /// # Errors
    /// When rows are not well formed: each with file and line, and nothing of the file is added.
    pub fn add_csv(&mut self, file: &str, bytes: &[u8]) -> Result<Option<ReferenceKind>> {
        self.add(file, bytes, false)
    }

    /// The same for a file that was taken before: rows that contradict each other stay as they are, for what is
    /// in force must not stop a service.
    ///
    /// # Errors
    /// When rows are not well formed.
    pub fn add_kept_csv(&mut self, file: &str, bytes: &[u8]) -> Result<Option<ReferenceKind>> {
        self.add(file, bytes, true)
    }

    fn add(&mut self, file: &str, bytes: &[u8], is_kept: bool) -> Result<Option<ReferenceKind>> {
        let text = reference_text(bytes);
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .comment(Some(b'#'))
            .delimiter(delimiter(&text))
            .from_reader(text.as_bytes());
        let Ok(header) = reader.headers().cloned() else {
            return Ok(None);
        };
        let Some(kind) = ReferenceKind::of(&header) else {
            return Ok(None);
        };
        let mut added = self.clone();
        let mut problems = Vec::new();
        for record in reader.records() {
            let row = match &record {
                Ok(record) => added.add_row(
                    kind,
                    &Row {
                        header: &header,
                        record,
                        is_kept,
                    },
                ),
                Err(error) => Err(ReferenceProblem {
                    line: error.position().map_or(0, csv::Position::line),
                    detail: format!("{error}; as many cells as the header has are expected"),
                }),
            };
            problems.extend(row.err());
        }
        if problems.is_empty() {
            *self = added;
            return Ok(Some(kind));
        }
        let omitted = problems.len().saturating_sub(PROBLEMS_MAX);
        problems.truncate(PROBLEMS_MAX);
        Err(Error::Reference {
            file: file.to_owned(),
            problems,
            omitted,
        })
    }

    /// Rollouts that device lists name and no plan defines, in order.
    pub fn undefined_rollouts(&self) -> Vec<&str> {
        let mut undefined: Vec<&str> = self
            .rollout_devices
            .rollouts()
            .filter(|id| {
                self.rollouts
                    .iter()
                    .all(|rollout| rollout.rollout_id != *id)
            })
            .collect();
        undefined.sort_unstable();
        undefined
    }

    fn add_row(
        &mut self,
        kind: ReferenceKind,
        row: &Row<'_>,
    ) -> std::result::Result<(), ReferenceProblem> {
        match kind {
            ReferenceKind::PublishedHashes => self.published_hashes.push(PublishedHash {
                kb_article: row.kb("kb_article")?,
                file_name: row.required("file_name")?.to_owned(),
                sha256: row.sha256("sha256")?,
            }),
            ReferenceKind::Prerequisites => self.prerequisites.push(Prerequisite {
                kb_article: row.kb("kb_article")?,
                os_build_number: row.number("os_build_number")?,
                requires_kb: row.kb("requires_kb")?,
                requires_min_ubr: row.number("requires_min_ubr")?,
                is_servicing_stack: row.one_of("kind", &[("ssu", true), ("update", false)])?,
            }),
            ReferenceKind::TargetBuilds => self.target_builds.push(TargetBuild {
                kb_article: row.kb("kb_article")?,
                os_build_number: row.number("os_build_number")?,
                target_ubr: row.number("target_ubr")?,
            }),
            ReferenceKind::Rollouts => {
                let rollout = Rollout {
                    rollout_id: row.required("rollout_id")?.to_owned(),
                    name: row.required("name")?.to_owned(),
                    kb_article: row.kb("kb_article")?,
                    release_at: row.instant("release_at")?,
                    started_at: row.instant("started_at")?,
                    deadline_at: row.instant("deadline_at")?,
                    target_builds: row.builds("target_builds")?,
                };
                let targets = rollout
                    .target_builds
                    .iter()
                    .map(|(build, ubr)| TargetBuild {
                        kb_article: rollout.kb_article,
                        os_build_number: *build,
                        target_ubr: *ubr,
                    });
                let known = self
                    .rollouts
                    .iter()
                    .find(|known| known.rollout_id == rollout.rollout_id);
                match known {
                    // The same row again says nothing new.
                    Some(known) if *known == rollout => return Ok(()),
                    Some(_) if !row.is_kept => {
                        return Err(
                            row.refuse("rollout_id", "each rollout once, or with the same words")
                        );
                    }
                    _ => {}
                }
                let ends_first = matches!((rollout.started_at, rollout.deadline_at), (Some(start), Some(end)) if end <= start);
                if ends_first && !row.is_kept {
                    return Err(row.refuse("deadline_at", "a time after started_at"));
                }
                self.target_builds.extend(targets);
                self.rollouts.push(rollout);
            }
            ReferenceKind::RolloutDevices => {
                let device = RolloutDevice {
                    rollout_id: row.required("rollout_id")?.to_owned(),
                    device_id: DeviceId::new(row.required("device_id")?)
                        .map(|id| id.as_str().to_owned())
                        .ok_or_else(|| row.refuse("device_id", "a computer name"))?,
                    device_name: row.optional("device_name").to_owned(),
                    site: row.optional("site").to_owned(),
                    ring: row.optional("ring").to_owned(),
                    is_excluded: row.one_of(
                        "excluded",
                        &[
                            ("", false),
                            ("0", false),
                            ("no", false),
                            ("false", false),
                            ("1", true),
                            ("yes", true),
                            ("true", true),
                        ],
                    )?,
                    exclusion_reason: row.optional("exclusion_reason").to_owned(),
                };
                if !self.rollout_devices.push(device, row.is_kept) {
                    return Err(row.refuse(
                        "device_id",
                        "each device once in a rollout, or with the same words",
                    ));
                }
            }
        }
        Ok(())
    }

    /// The update whose package has this build and revision, where the plan says so.
    pub fn kb_of_build(&self, build: u32, ubr: u32) -> Option<u32> {
        let branch = servicing_branch(build);
        let mut found = self
            .target_builds
            .iter()
            .filter(|target| {
                servicing_branch(target.os_build_number) == branch && target.target_ubr == ubr
            })
            .map(|target| target.kb_article);
        let first = found.next()?;
        found.all(|kb| kb == first).then_some(first)
    }
}

impl<'a> Row<'a> {
    fn optional(&self, column: &str) -> &'a str {
        self.header
            .iter()
            .position(|name| name == column)
            .and_then(|index| self.record.get(index))
            .unwrap_or_default()
    }

    fn refuse(&self, column: &str, expected: &str) -> ReferenceProblem {
        let line = self.record.position().map_or(0, csv::Position::line);
        ReferenceProblem {
            line,
            detail: format!(
                "{column} is {:?}: expected {expected}",
                self.optional(column)
            ),
        }
    }

    fn required(&self, column: &str) -> std::result::Result<&'a str, ReferenceProblem> {
        Some(self.optional(column))
            .filter(|text| !text.is_empty())
            .ok_or_else(|| self.refuse(column, "a text"))
    }

    fn kb(&self, column: &str) -> std::result::Result<u32, ReferenceProblem> {
        self.optional(column)
            .parse::<KbArticle>()
            .map(|kb| kb.0)
            .map_err(|e| self.refuse(column, &e.to_string()))
    }

    fn number(&self, column: &str) -> std::result::Result<u32, ReferenceProblem> {
        self.optional(column)
            .parse()
            .map_err(|_| self.refuse(column, "a number"))
    }

    fn sha256(&self, column: &str) -> std::result::Result<String, ReferenceProblem> {
        let text = self.optional(column).to_ascii_lowercase();
        let well_formed = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if well_formed {
            Ok(text)
        } else {
            Err(self.refuse(column, "64 hexadecimal digits"))
        }
    }

    fn instant(&self, column: &str) -> std::result::Result<Option<Timestamp>, ReferenceProblem> {
        match self.optional(column) {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| self.refuse(column, "a time such as 2024-08-13T17:00:00Z")),
        }
    }

    /// Reads `19045:4780;22631:4037`.
    fn builds(&self, column: &str) -> std::result::Result<Vec<(u32, u32)>, ReferenceProblem> {
        let refuse = || self.refuse(column, "builds such as 19045:4780;22631:4037");
        let pair = |text: &str| {
            let (build, ubr) = text.split_once(':').ok_or_else(refuse)?;
            Ok((
                build.trim().parse().map_err(|_| refuse())?,
                ubr.trim().parse().map_err(|_| refuse())?,
            ))
        };
        self.optional(column)
            .split(';')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(pair)
            .collect()
    }

    fn one_of<T: Copy>(
        &self,
        column: &str,
        words: &[(&str, T)],
    ) -> std::result::Result<T, ReferenceProblem> {
        let text = self.optional(column);
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text))
            .map(|(_, value)| *value)
            .ok_or_else(|| self.refuse(column, &names.join(" or ")))
    }
}
