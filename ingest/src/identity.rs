//! Which device a bundle is from, and in which zone it stands: a first, cheap look at every file.
//!
//! The name is taken, in this order, from the operator (`--device`), a facts file, `systeminfo`, the
//! newest record of the event logs, event documents, the registry, and lists of hotfixes; else the
//! folder or archive names the device. Event logs keep records from before a device was renamed, so
//! only their newest record counts. A domain suffix is no part of the name.

mod named;
#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::net::IpAddr;

use jiff::Timestamp;
use patchlens_event::{DeviceId, inventory as names};

pub(crate) use self::named::Named;
use self::named::exported;
use crate::bundle::{Bundle, Entry, Limits, is_packed, read_full};
use crate::evtx::{CHUNK_BYTES, Computers, FILE_HEADER_BYTES, NewestChunk};
use crate::foreign::foreign;
use crate::json::Documents;
use crate::parser::FileParser;
use crate::redact::{KnownNames, owners_in};
use crate::zone::{ZoneFacts, offset_instant};
use crate::{
    Format, HEAD_BYTES, Issue, LoggedTime, Record, RecordSink, detect, inventory, json_events,
};

/// How much of an inventory is read for the name.
const INVENTORY_BYTES: u64 = 4 << 20;
/// How much of a log that states its offset is read for it.
const ZONE_BYTES: u64 = 4 << 20;
/// How much of a log is searched for names of users before any of it is handed on.
const NAMES_BYTES: u64 = 4 << 20;
/// How much of that is searched at once, and how much of it again with the next.
const NAMES_PIECE_BYTES: usize = 256 << 10;
const NAMES_OVERLAP_BYTES: usize = 512;
/// How much of an event log is read for its newest record.
const EVENT_LOG_BYTES: u64 = 512 << 20;

/// Where a name was found; what comes first is believed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NameSource {
    Facts,
    SystemInfo,
    EventLog,
    EventDocuments,
    Registry,
    SetupDiag,
    Hotfixes,
}

/// A computer name, and when it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameClaim {
    pub(crate) source: NameSource,
    pub(crate) written_at: Option<Timestamp>,
    pub(crate) name: String,
}

/// What the first look at a file found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scan {
    pub(crate) format: Option<Format>,
    pub(crate) claim: Option<NameClaim>,
    /// Which computers its records are of, where they say so.
    pub(crate) named: Named,
    pub(crate) zone: ZoneFacts,
    /// When the bundle says that it was collected.
    pub(crate) collected_at: Option<Timestamp>,
    pub(crate) known: KnownNames,
    /// The file holds others and has not been opened.
    pub(crate) is_packed: bool,
    /// Why there is no format, for a person.
    pub(crate) detail: String,
}

/// Looks at one file.
///
/// # Errors
/// When its first bytes cannot be read.
pub(crate) fn scan(bundle: &Bundle, entry: &Entry, limits: &Limits) -> io::Result<Scan> {
    let mut reader = bundle.read(entry)?;
    let mut head = vec![0; HEAD_BYTES];
    let filled = read_head(&mut reader, &mut head)?;
    head.truncate(filled);
    let file_name = entry.path.rsplit('/').next().unwrap_or_default();
    if is_packed(&head) {
        return Ok(Scan {
            is_packed: true,
            detail: unknown(&head, file_name),
            ..Scan::default()
        });
    }
    if foreign(&head, file_name).is_some() {
        return Ok(Scan {
            detail: unknown(&head, file_name),
            ..Scan::default()
        });
    }
    let mut scan = Scan {
        format: detect(&head, file_name),
        ..Scan::default()
    };
    match scan.format {
        None => scan.detail = unknown(&head, file_name),
        Some(Format::Evtx) => {
            let (newest, named) = newest_chunk(&head, &mut reader, &mut scan.known);
            scan.named = named;
            scan.claim = event_log_claim(&newest);
            newest.records(&mut Offsets(&mut scan.zone));
        }
        Some(format @ (Format::ReportingEvents | Format::WindowsUpdateLogLegacy)) => {
            let rest = ZONE_BYTES.saturating_sub(head.len() as u64);
            let mut parser = FileParser::new(format, limits);
            let mut offsets = Offsets(&mut scan.zone);
            parser.feed(&head, &mut offsets);
            let mut more = Vec::new();
            reader.take(rest).read_to_end(&mut more).ok();
            parser.feed(&more, &mut offsets);
            parser.finish(&mut offsets);
            owners_in(&head, &mut scan.known.users);
            owners_in(&more, &mut scan.known.users);
        }
        Some(format @ (Format::EventsJson | Format::EventsText)) => {
            if format == Format::EventsJson {
                scan.claim = documents_claim(&head);
            }
            scan.named = exported(format, head, &mut reader, limits, &mut scan.known);
            let only = scan.named.computers.keys().next();
            scan.claim = scan.claim.take().or_else(|| {
                only.map(|name| NameClaim {
                    source: NameSource::EventDocuments,
                    written_at: None,
                    name: name.clone(),
                })
            });
        }
        Some(
            format @ (Format::SystemInfo
            | Format::OsVersion
            | Format::RegQuery
            | Format::HotfixList
            | Format::SetupDiag
            | Format::OsqueryRows),
        ) => {
            let rest = INVENTORY_BYTES.min(limits.whole_file_bytes_max);
            // A file that ends early is read in full, and complained about, later.
            reader.take(rest).read_to_end(&mut head).ok();
            facts_claim(&head, format, &mut scan);
            owners_in(&head, &mut scan.known.users);
        }
        Some(_) => learn_users(head, &mut reader, &mut scan.known),
    }
    Ok(scan)
}

/// A damaged archive may end inside the head: what is there is enough to tell the format.
fn read_head(reader: &mut dyn Read, head: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) if filled > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Why a file that begins so has no format, for a person.
pub(crate) fn unknown(head: &[u8], file_name: &str) -> String {
    if let Some(what) = foreign(head, file_name) {
        return what.to_owned();
    }
    let controls = head
        .iter()
        .filter(|byte| matches!(**byte, 0..=8 | 14..=31))
        .count();
    if head.is_empty() {
        "the file is empty".to_owned()
    } else if head.iter().all(|byte| *byte == 0) {
        "the file holds nothing but zeros".to_owned()
    } else if controls * 10 > head.len() {
        "the file is binary and no event log".to_owned()
    } else {
        "no parser recognises the content".to_owned()
    }
}

/// Notes what records that state their offset say about the zone.
struct Offsets<'a>(&'a mut ZoneFacts);

impl RecordSink for Offsets<'_> {
    fn record(&mut self, record: Record<'_>) {
        match record.time {
            LoggedTime::Offset(local, minutes) => {
                if let Some(at) = offset_instant(local, minutes) {
                    self.0.observe(at, minutes);
                }
            }
            LoggedTime::Utc(at) => {
                if let Some(bias) = daily_bias(&record) {
                    self.0.observe(at, bias.saturating_neg());
                }
            }
            LoggedTime::Local(_) | LoggedTime::Unstated => {}
        }
    }

    fn issue(&mut self, _: Issue<'_>) {}
}

/// The bias in force, in minutes west of UTC, which the event log writes beside the uptime every day at noon:
/// `-120 W. Europe Daylight Time`.
fn daily_bias(record: &Record<'_>) -> Option<i32> {
    const UPTIME: u32 = 6013;
    if record.windows_event_id != Some(UPTIME) || record.component.as_deref() != Some("EventLog") {
        return None;
    }
    record.fields.iter().find_map(|(_, value)| {
        let (minutes, zone) = value.split_once(' ')?;
        zone.contains(char::is_alphabetic)
            .then(|| minutes.parse().ok())?
    })
}

fn newest_chunk(
    head: &[u8],
    reader: &mut dyn Read,
    known: &mut KnownNames,
) -> (NewestChunk, Named) {
    let mut blocks = head
        .get(FILE_HEADER_BYTES..)
        .unwrap_or_default()
        .chain(reader)
        .take(EVENT_LOG_BYTES);
    let mut newest = NewestChunk::default();
    let mut computers = Computers::default();
    let mut block = vec![0; CHUNK_BYTES];
    while let Ok(count) = read_full(&mut blocks, &mut block)
        && count > 0
    {
        let block = block.get(..count).unwrap_or_default();
        newest.take(block);
        computers.take(block);
        owners_in(block, &mut known.users);
    }
    let (spans, is_own) = computers.finish();
    let mut named = Named {
        is_own,
        ..Named::default()
    };
    for (name, span) in spans {
        named.note(&name, Some(span));
    }
    (newest, named)
}

fn event_log_claim(newest: &NewestChunk) -> Option<NameClaim> {
    let (written_at, name) = newest.computer_name()?;
    Some(NameClaim {
        source: NameSource::EventLog,
        written_at: Some(written_at),
        name,
    })
}

fn documents_claim(head: &[u8]) -> Option<NameClaim> {
    let mut last = None;
    let head = &*crate::encoding::Transcoder::head_text(head);
    Documents::new(head.len()).feed(head, &mut Facts::default(), &mut |document, _| {
        if let Some(name) = json_events::computer_name(&document.value) {
            last = Some(NameClaim {
                source: NameSource::EventDocuments,
                written_at: None,
                name: name.to_owned(),
            });
        }
    });
    last
}

/// The facts of an inventory that say who and where the device is.
#[derive(Default)]
struct Facts {
    device_name: Option<String>,
    domain: Option<String>,
    utc_offset_minutes: Option<i32>,
    time_zone_rule: Option<String>,
    collected_at: Option<Timestamp>,
}

impl RecordSink for Facts {
    fn record(&mut self, record: Record<'_>) {
        let text = |name| inventory::fact(&record, name).map(str::to_owned);
        self.device_name = self.device_name.take().or_else(|| text(names::DEVICE_NAME));
        self.domain = self.domain.take().or_else(|| text(names::DOMAIN));
        self.utc_offset_minutes = self
            .utc_offset_minutes
            .or_else(|| text(names::UTC_OFFSET_MINUTES)?.parse().ok());
        self.time_zone_rule = self
            .time_zone_rule
            .take()
            .or_else(|| text(names::TIME_ZONE_RULE));
        self.collected_at = self
            .collected_at
            .or_else(|| text(names::COLLECTED_AT)?.parse().ok());
    }

    fn issue(&mut self, _: Issue<'_>) {}
}

fn facts_claim(bytes: &[u8], format: Format, scan: &mut Scan) {
    let mut facts = Facts::default();
    inventory::parse(bytes, format, &mut facts);
    let source = match format {
        Format::OsVersion => NameSource::Facts,
        Format::SystemInfo => NameSource::SystemInfo,
        Format::RegQuery => NameSource::Registry,
        Format::SetupDiag => NameSource::SetupDiag,
        _ => NameSource::Hotfixes,
    };
    scan.claim = facts.device_name.map(|name| NameClaim {
        source,
        written_at: None,
        name,
    });
    scan.zone.rule = facts.time_zone_rule;
    match format {
        Format::SystemInfo => scan.zone.standard_minutes = facts.utc_offset_minutes,
        _ => scan.zone.current_minutes = facts.utc_offset_minutes,
    }
    if let (Some(at), Some(minutes)) = (facts.collected_at, scan.zone.current_minutes) {
        scan.zone.observe(at, minutes);
    }
    scan.collected_at = facts.collected_at;
    if let Some(domain) = facts.domain
        && !domain.eq_ignore_ascii_case("WORKGROUP")
    {
        scan.known.add_domain(&domain);
    }
}

/// Learns the owners of the profiles that the beginning of a log names: who is named without a path
/// is known then, in whichever of the device's files.
fn learn_users(head: Vec<u8>, reader: &mut dyn Read, known: &mut KnownNames) {
    let mut rest = reader.take(NAMES_BYTES.saturating_sub(head.len() as u64));
    let mut piece = head;
    loop {
        owners_in(&piece, &mut known.users);
        let kept = piece.len().saturating_sub(NAMES_OVERLAP_BYTES);
        piece.drain(..kept);
        let wanted = NAMES_PIECE_BYTES as u64;
        // What cannot be read is complained about later.
        match rest.by_ref().take(wanted).read_to_end(&mut piece) {
            Ok(count) if count > 0 => {}
            _ => return,
        }
    }
}

/// Who a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its id.
    pub device_id: DeviceId,
    /// Its name as it spells it; `None` when only the folder names it.
    pub device_name: Option<String>,
}

/// The name without its domain suffix.
pub(crate) fn short_name(name: &str) -> &str {
    let name = name.trim().trim_start_matches('\\');
    if name.parse::<IpAddr>().is_ok() {
        return name;
    }
    name.split('.')
        .next()
        .filter(|short| !short.is_empty())
        .unwrap_or(name)
}

/// The domain suffix of a name, if it has one.
pub(crate) fn domain_of(name: &str) -> Option<&str> {
    let name = name.trim().trim_end_matches('.');
    if name.parse::<IpAddr>().is_ok() {
        return None;
    }
    let (_, domain) = name.split_once('.')?;
    (!domain.is_empty()).then_some(domain)
}

/// NetBIOS names, which systeminfo prints, are cut to this length.
pub(crate) const NETBIOS_CHARS: usize = 15;

/// Whether Windows makes up such names: `MININT-2V8KD31` for its setup environment, `WIN-3QK0V1N9M5T`
/// for a device that nobody has named yet. Servers may keep the latter.
pub(crate) fn is_provisional(name: &str) -> bool {
    let name = short_name(name).to_ascii_uppercase();
    let random = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match (name.strip_prefix("MININT-"), name.strip_prefix("WIN-")) {
        (Some(rest), _) => random(rest),
        (_, Some(rest)) => rest.len() == 11 && random(rest),
        _ => false,
    }
}

/// Decides from all claims of a bundle; `operator` wins, `fallback` names a device that nothing names.
/// `None` when not even that leaves a name.
pub(crate) fn identify<'a>(
    claims: impl Iterator<Item = &'a NameClaim> + Clone,
    operator: Option<&str>,
    fallback: &str,
) -> Option<Identity> {
    // A name that setup gave until the device had one counts where there is no other.
    let found = claims.clone().min_by(|a, b| {
        is_provisional(&a.name)
            .cmp(&is_provisional(&b.name))
            .then(a.source.cmp(&b.source))
            .then(b.written_at.cmp(&a.written_at))
    });
    let mut name = found.map(|claim| short_name(&claim.name).to_owned());
    if let Some(cut) = &name
        && cut.chars().count() == NETBIOS_CHARS
        && let Some(whole) = claims.map(|claim| short_name(&claim.name)).find(|other| {
            other.len() > cut.len() && other.to_uppercase().starts_with(&cut.to_uppercase())
        })
    {
        name = Some(whole.to_owned());
    }
    let device_id = operator
        .and_then(DeviceId::new)
        .or_else(|| DeviceId::new(name.as_deref()?))
        .or_else(|| DeviceId::new(fallback))?;
    Some(Identity {
        device_id,
        device_name: name,
    })
}
