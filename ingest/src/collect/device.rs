//! The way of one device: all of its files, in the order of the bundle.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use jiff::Timestamp;
use patchlens_event::{Origin, Reject, RejectReason, Source};

use super::account::{DeviceAccount, Unrecognised};
use super::event::{FileEvents, FileState};
use super::noise::{FileNoise, Noise};
use super::{Cancel, CollectOptions, EventSink, parallel};
use crate::bundle::{Bundle, Entry, Limits, read_failure};
use crate::encoding::shown;
use crate::identity::{Identity, Scan, domain_of, identify};
use crate::parser::FileParser;
use crate::redact::{KnownNames, Learned, Redactor};
use crate::zone::{ZoneFacts, Zones};
use crate::{Error, Format, Result};

/// How much of an entry is read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// What is the same for all files of a device.
pub(crate) struct Device {
    pub(crate) identity: Identity,
    pub(super) zones: Zones,
    pub(crate) redactor: Redactor,
    /// When the bundle was collected: as it states, or the time of this run.
    pub(crate) collected_at: Timestamp,
    /// The same, only where the bundle states it.
    pub(super) stated_collected_at: Option<Timestamp>,
    limits: Limits,
    /// False where nobody asks what was only counted.
    pub(super) counts_noise: bool,
    cancel: Cancel,
}

/// Reads one device's share.
pub(super) fn read(
    bundle: &Bundle,
    scans: &[Scan],
    options: &CollectOptions,
    sink: &mut dyn EventSink,
) -> Result<DeviceAccount> {
    let device = Device::found(scans, options, &bundle.name)?;
    let mut account = DeviceAccount::new(
        device.identity.device_id.clone(),
        device.identity.device_name.clone(),
    );
    for refusal in &bundle.refusals {
        let reject = device.reject(&refusal.path, (0, 0), refusal.reason, &refusal.detail, b"");
        account.refuse(reject.origin.file.clone(), refusal.detail.clone());
        sink.reject(reject)?;
    }
    let steps = steps(bundle, scans);
    let mut noise = Noise::default();
    let mut learned = Learned::default();
    let mut take = |outcome: Outcome| match outcome {
        Outcome::Unrecognised(file) => account.unrecognised.push(file),
        Outcome::Duplicate => account.duplicate_files += 1,
        Outcome::Read {
            source,
            file,
            bytes,
            counts,
        } => {
            account.files += 1;
            account.bytes += bytes;
            account.records += counts.sent + counts.noise.total();
            account.sent += counts.sent;
            account.noise_counted += counts.noise.total();
            account.rejected += counts.rejected;
            noise.add_file(source, file, counts.noise);
            learned.add(counts.learned.names().iter().cloned());
        }
    };
    let step = |index: usize, sink: &mut dyn EventSink| match steps.get(index) {
        Some(step) => device.step(bundle, step, sink),
        None => Ok(Outcome::Duplicate),
    };
    parallel::in_order(steps.len(), options, &step, &mut take, sink)?;
    for event in noise.into_events(&device, &learned) {
        sink.event(event)?;
    }
    Ok(account)
}

/// What is to be done with an entry.
enum Step<'a> {
    /// Nothing reads it; why.
    Refuse(&'a Entry, &'a str),
    /// An equal file is read already.
    Skip,
    Read(&'a Entry, Format),
}

/// What became of an entry.
enum Outcome<'a> {
    Unrecognised(Unrecognised),
    Duplicate,
    Read {
        source: Source,
        file: &'a str,
        bytes: u64,
        counts: Counts,
    },
}

/// What became of a file's records.
struct Counts {
    noise: FileNoise,
    sent: u64,
    rejected: u64,
    learned: Learned,
}

fn steps<'a>(bundle: &'a Bundle, scans: &'a [Scan]) -> Vec<Step<'a>> {
    let mut twins = Twins::new(bundle);
    bundle
        .entries
        .iter()
        .zip(scans)
        .map(|(entry, scan)| match scan.format {
            None => Step::Refuse(entry, &scan.detail),
            Some(_) if twins.was_read(bundle, entry) => Step::Skip,
            Some(format) => Step::Read(entry, format),
        })
        .collect()
}

impl Device {
    /// Puts together what the first look at a device's files found; `fallback` names a device that
    /// nothing names.
    ///
    /// # Errors
    /// When not even that leaves a name.
    pub(crate) fn found(scans: &[Scan], options: &CollectOptions, fallback: &str) -> Result<Self> {
        let identity = identify(
            scans.iter().filter_map(|scan| scan.claim.as_ref()),
            options.device.as_deref(),
            fallback,
        )
        .ok_or_else(|| Error::Unnamed {
            bundle: fallback.to_owned(),
        })?;
        let mut known = KnownNames::default();
        for scan in scans {
            known.add_users(&scan.known.users);
            known.domains.extend(scan.known.domains.iter().cloned());
            let claimed = scan.claim.as_ref();
            if let Some(domain) = claimed.and_then(|claim| domain_of(&claim.name)) {
                known.add_domain(domain);
            }
        }
        known.domains.extend(identity.device_name.clone());
        let mut zone = ZoneFacts::default();
        for scan in scans {
            zone.add(&scan.zone);
        }
        // A clock that is ahead of ours must not make the device's newest reading win for ever.
        let stated_collected_at = scans
            .iter()
            .filter_map(|scan| scan.collected_at)
            .filter(|stated| *stated <= options.collected_at)
            .max();
        Ok(Self {
            collected_at: stated_collected_at.unwrap_or(options.collected_at),
            stated_collected_at,
            zones: Zones::new(&zone, options.assumed_zone()),
            redactor: Redactor::new(options.redaction.clone(), known)?,
            identity,
            limits: options.limits.clone(),
            counts_noise: options.counts_noise,
            cancel: options.cancel.clone(),
        })
    }

    /// A device of which nothing is known but its name.
    ///
    /// # Errors
    /// When redaction cannot be prepared.
    pub(crate) fn named(identity: Identity, options: &CollectOptions) -> Result<Self> {
        let mut known = KnownNames::default();
        known.domains.extend(identity.device_name.clone());
        Ok(Self {
            identity,
            zones: Zones::new(&ZoneFacts::default(), options.assumed_zone()),
            redactor: Redactor::new(options.redaction.clone(), known)?,
            collected_at: options.collected_at,
            stated_collected_at: None,
            limits: options.limits.clone(),
            counts_noise: options.counts_noise,
            cancel: options.cancel.clone(),
        })
    }

    fn step<'a>(
        &self,
        bundle: &Bundle,
        step: &Step<'a>,
        sink: &mut dyn EventSink,
    ) -> Result<Outcome<'a>> {
        match *step {
            Step::Skip => Ok(Outcome::Duplicate),
            Step::Read(entry, format) => self.file(bundle, entry, format, sink),
            Step::Refuse(entry, detail) => {
                let reason = RejectReason::UnknownFormat;
                sink.reject(self.reject(&entry.path, (0, 0), reason, detail, b""))?;
                Ok(Outcome::Unrecognised(Unrecognised {
                    file: self.redactor.text(&entry.path).into_owned(),
                    detail: detail.to_owned(),
                }))
            }
        }
    }

    fn file<'a>(
        &self,
        bundle: &Bundle,
        entry: &'a Entry,
        format: Format,
        sink: &mut dyn EventSink,
    ) -> Result<Outcome<'a>> {
        let mut events = FileEvents::new(self, &entry.path, FileState::new(self, format), sink)
            .of(entry.speaker.as_ref());
        let mut parser = FileParser::new(format, &self.limits);
        let failure = stream(bundle, entry, |chunk| {
            parser.feed(chunk, &mut events);
            !events.has_failed() && !self.cancel.is_cancelled()
        });
        let parsed = parser.finish(&mut events);
        let FileState {
            noise,
            sent,
            rejected,
            learned,
            ..
        } = events.finish()?;
        let mut counts = Counts {
            noise,
            sent,
            rejected,
            learned,
        };
        if let Some(error) = failure {
            counts.rejected += 1;
            let detail = format!("reading stopped here: {error}");
            sink.reject(self.reject(
                &entry.path,
                (0, parsed.bytes),
                read_failure(&error),
                &detail,
                b"",
            ))?;
        }
        Ok(Outcome::Read {
            source: format.source(),
            file: &entry.path,
            bytes: parsed.bytes,
            counts,
        })
    }

    /// Makes a reject of a piece of input at (line, byte offset).
    pub(crate) fn reject(
        &self,
        file: &str,
        (line, byte_offset): (u64, u64),
        reason: RejectReason,
        detail: &str,
        raw: &[u8],
    ) -> Reject {
        let device_id = &self.identity.device_id;
        let place = [line.to_le_bytes(), byte_offset.to_le_bytes()].concat();
        let raw_kept = raw
            .get(..raw.len().min(Reject::RAW_BYTES_MAX))
            .unwrap_or_default();
        Reject {
            reject_id: self.redactor.id_of(&[
                b"reject.v2",
                device_id.as_str().as_bytes(),
                file.as_bytes(),
                &place,
                reason.as_str().as_bytes(),
                raw_kept,
            ]),
            device_id: Some(device_id.clone()),
            reason,
            // What a parser complains of may quote what it read.
            detail: self.redactor.text(detail).into_owned(),
            origin: Origin {
                file: self.redactor.text(file).into_owned(),
                line,
                byte_offset,
                record_id: None,
            },
            raw: self.redactor.text(&shown(raw_kept)).into_owned(),
            collected_at: self.collected_at,
            refused_by: concat!("patchlens-ingest ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Reads an entry piece by piece until `take` has had enough; returns why it ended early.
pub(crate) fn stream(
    bundle: &Bundle,
    entry: &Entry,
    mut take: impl FnMut(&[u8]) -> bool,
) -> Option<std::io::Error> {
    let mut reader = match bundle.read(entry) {
        Ok(reader) => reader,
        Err(error) => return Some(error),
    };
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return None,
            Ok(count) => {
                if !take(buffer.get(..count).unwrap_or_default()) {
                    return None;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Some(error),
        }
    }
}

/// Finds files of equal content. Only files whose size another file shares are hashed.
struct Twins {
    shared_sizes: HashSet<u64>,
    hashes: HashSet<blake3::Hash>,
}

impl Twins {
    fn new(bundle: &Bundle) -> Self {
        let mut sizes: HashMap<u64, usize> = HashMap::new();
        for bytes in bundle
            .entries
            .iter()
            .filter_map(|entry| entry.declared_bytes)
        {
            *sizes.entry(bytes).or_default() += 1;
        }
        let shared_sizes = sizes
            .into_iter()
            .filter(|(bytes, count)| *bytes > 0 && *count > 1)
            .map(|(bytes, _)| bytes)
            .collect();
        Self {
            shared_sizes,
            hashes: HashSet::new(),
        }
    }

    /// True when a file of the same content came before.
    fn was_read(&mut self, bundle: &Bundle, entry: &Entry) -> bool {
        if !entry
            .declared_bytes
            .is_some_and(|bytes| self.shared_sizes.contains(&bytes))
        {
            return false;
        }
        let mut hasher = blake3::Hasher::new();
        let failed = bundle.uncounted(|| {
            stream(bundle, entry, |chunk| {
                hasher.update(chunk);
                true
            })
        });
        // What cannot be read to its end is read as far as it goes, and complained about.
        failed.is_none() && !self.hashes.insert(hasher.finalize())
    }
}
