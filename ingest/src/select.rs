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

struct Tables {
    cbs: AhoCorasick,
    windows_update: AhoCorasick,
    setup: AhoCorasick,
    dism: AhoCorasick,
    reporting: AhoCorasick,
    cmtrace: AhoCorasick,
    registry: AhoCorasick,
    quiet: AhoCorasick,
}

static TABLES: LazyLock<Option<Tables>> = LazyLock::new(|| {
    let table = |words: &[&str]| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostFirst)
            .kind(Some(AhoCorasickKind::DFA))
            .build(words)
            .ok()
    };
    Some(Tables {
        cbs: table(CBS)?,
        windows_update: table(WINDOWS_UPDATE)?,
        setup: table(SETUP)?,
        dism: table(DISM)?,
        reporting: table(REPORTING)?,
        cmtrace: table(CMTRACE)?,
        registry: table(REGISTRY)?,
        quiet: table(QUIET)?,
    })
});

/// Decides about one record of a file of this format; `codes` are its failing codes.
pub fn decide(record: &Record<'_>, codes: &[Hresult], format: Format) -> Decision {
    let evidence = || match format.source() {
        Source::EventLog => event_matters(record),
        Source::Procmon => procmon_matters(record),
        Source::Inventory if format == Format::RegQuery => {
            mentions(record, |tables| &tables.registry)
        }
        Source::Inventory | Source::HashListing | Source::Osquery | Source::SetupDiag => true,
        Source::CbsLog => mentions(record, |tables| &tables.cbs),
        Source::WindowsUpdateLog => mentions(record, |tables| &tables.windows_update),
        Source::SetupLog => mentions(record, |tables| &tables.setup),
        Source::DismLog => mentions(record, |tables| &tables.dism),
        Source::ReportingEvents => mentions(record, |tables| &tables.reporting),
        Source::CmtraceLog => mentions(record, |tables| &tables.cmtrace),
    };
    let is_raised = matches!(record.level, Level::Warning | Level::Error);
    if is_raised || !codes.is_empty() || evidence() {
        Decision::Send
    } else {
        Decision::Count
    }
}

fn mentions(record: &Record<'_>, table: impl Fn(&Tables) -> &AhoCorasick) -> bool {
    // Without its table nothing is noise.
    let message = record.message.as_ref();
    TABLES
        .as_ref()
        .is_none_or(|tables| table(tables).is_match(message) && !tables.quiet.is_match(message))
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
