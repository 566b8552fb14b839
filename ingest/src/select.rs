//! Which records are sent whole, and which are only counted.
//!
//! Most lines of a log are noise. Sent are: warnings and errors, every record with a failing code,
//! every inventory, event log records of the providers that take part in updating, Procmon rows
//! that did not succeed, and the lines that tell what an attempt did or what stood in its way,
//! found by one automaton over a keyword table per source. Everything else is counted per
//! (source, template, first code, local day): the base rate that tells noise from signal.
//!
//! A keyword is a piece of text that Windows does not translate. Upper and lower case are equal.

mod keywords;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use patchlens_event::{Hresult, Level, Source};

use crate::{Format, Record};
use keywords::{
    CBS, CMTRACE, DISM, PROCMON_QUIET, PROVIDER_IDS, PROVIDERS, QUIET, REGISTRY, REPORTING,
    SERVICE_CONTROL, SETUP, WINDOWS_UPDATE,
};

/// What happens to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It becomes an event of its own.
    Send,
    /// It is counted with its equals.
    Count,
}

/// The keywords of one source beside the phrases that outweigh them, as one automaton, so that a
/// text is read once. Made when it is first needed: most bundles hold only a few sources.
type Table = LazyLock<Option<AhoCorasick>>;

static CBS_TABLE: Table = LazyLock::new(|| table(CBS));
static WINDOWS_UPDATE_TABLE: Table = LazyLock::new(|| table(WINDOWS_UPDATE));
static SETUP_TABLE: Table = LazyLock::new(|| table(SETUP));
static DISM_TABLE: Table = LazyLock::new(|| table(DISM));
static REPORTING_TABLE: Table = LazyLock::new(|| table(REPORTING));
static CMTRACE_TABLE: Table = LazyLock::new(|| table(CMTRACE));
static REGISTRY_TABLE: Table = LazyLock::new(|| table(REGISTRY));

fn table(words: &[&str]) -> Option<AhoCorasick> {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        // The kind that finds words inside of others.
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::DFA))
        .build(QUIET.iter().chain(words))
        .ok()
}

/// Decides about one record of a file of this format; `codes` are its failing codes.
pub fn decide(record: &Record<'_>, codes: &[Hresult], format: Format) -> Decision {
    let evidence = || match format.source() {
        Source::EventLog => event_matters(record),
        Source::Procmon => procmon_matters(record),
        Source::Inventory if format == Format::RegQuery => mentions(record, &REGISTRY_TABLE),
        Source::Inventory | Source::HashListing | Source::Osquery | Source::SetupDiag => true,
        Source::CbsLog => mentions(record, &CBS_TABLE),
        Source::WindowsUpdateLog => mentions(record, &WINDOWS_UPDATE_TABLE),
        Source::SetupLog => mentions(record, &SETUP_TABLE),
        Source::DismLog => mentions(record, &DISM_TABLE),
        Source::ReportingEvents => mentions(record, &REPORTING_TABLE),
        Source::CmtraceLog => mentions(record, &CMTRACE_TABLE),
        Source::SetupapiLog => false,
    };
    // Driver installations warn and fail along the way wherever they succeed; a section that failed
    // says so at its end, an error, and with it what it worked on.
    if format == Format::SetupapiLog {
        return if record.level == Level::Error {
            Decision::Send
        } else {
            Decision::Count
        };
    }
    let is_raised = matches!(record.level, Level::Warning | Level::Error);
    if is_raised || !codes.is_empty() || evidence() {
        Decision::Send
    } else {
        Decision::Count
    }
}

/// Whether a record holds a keyword, and no phrase that outweighs it.
fn mentions(record: &Record<'_>, table: &Table) -> bool {
    // Without its table nothing is noise.
    let Some(table) = table.as_ref() else {
        return true;
    };
    let mut is_mentioned = false;
    for found in table.find_overlapping_iter(record.message.as_ref()) {
        if found.pattern().as_usize() < QUIET.len() {
            return names_parent_update(&record.message);
        }
        is_mentioned = true;
    }
    is_mentioned
}

/// What a package builds on is, nearly always, a part of Windows: only where it is another update does
/// it say why one does not apply.
fn names_parent_update(message: &str) -> bool {
    message.starts_with("Appl: detect")
        && [", Parent: Package_for_", "parent found: Package_for_"]
            .iter()
            .any(|parent| memchr::memmem::find(message.as_bytes(), parent.as_bytes()).is_some())
}

fn event_matters(record: &Record<'_>) -> bool {
    let (provider, windows_event_id) = (
        record.component.as_deref().unwrap_or_default(),
        record.windows_event_id,
    );
    if provider.eq_ignore_ascii_case(SERVICE_CONTROL) {
        // The installer's own service changes its start type whenever it works.
        let own = record
            .fields
            .iter()
            .any(|(_, value)| value == "TrustedInstaller");
        return windows_event_id
            .is_some_and(|id| (id == 7040 && !own) || (7000..=7034).contains(&id));
    }
    if ["USER32", "Microsoft-Windows-User32"]
        .iter()
        .any(|user32| provider.eq_ignore_ascii_case(user32))
    {
        return windows_event_id == Some(1074);
    }
    if provider.eq_ignore_ascii_case("EventLog") {
        // Start, stop and unexpected end of Windows; 6013 reports the uptime every day.
        return windows_event_id.is_some_and(|id| (6005..=6009).contains(&id));
    }
    let with_id = |(known, ids): &(&str, &[u32])| {
        provider.eq_ignore_ascii_case(known) && windows_event_id.is_some_and(|id| ids.contains(&id))
    };
    PROVIDER_IDS.iter().any(with_id)
        || PROVIDERS
            .iter()
            .any(|known| provider.eq_ignore_ascii_case(known))
}

fn procmon_matters(record: &Record<'_>) -> bool {
    let result = record
        .fields
        .iter()
        .find(|(name, _)| name == "result")
        .map_or("", |(_, value)| value.as_str());
    !PROCMON_QUIET
        .iter()
        .any(|quiet| result.trim().eq_ignore_ascii_case(quiet))
}
