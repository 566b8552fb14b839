//! Facts about a device that no single reading states: what it was before the update, and what it lacks.
//! They stand with the other facts, for the comparison of failing devices with the others.

use std::collections::{BTreeMap, BTreeSet};

use memchr::memmem::Finder;

use super::candidate::Material;
use super::facts::{Build, Facts};
use super::verdict::is_system_update;
use crate::attempt::Attempt;
use crate::row::{Row, RowKind};
use patchlens_event::inventory;

/// Build and revision before the newest update that was installed; as stated, when none was.
const OS_BUILD_BEFORE: &str = "os_build_before";
/// Revision of the servicing stack that the device's own log states, `10.0.19041.4585`.
const SERVICING_STACK: &str = "servicing_stack";
/// Updates that must be there before the planned one and are not: `KB5014032`.
const MISSING_PREREQUISITE: &str = "missing_prerequisite";
/// Sources whose times are local and whose zone nothing tells, so that one was assumed: `cbs_log, dism_log`.
pub(crate) const ZONE_ASSUMED: &str = "zone_assumed";

/// Derives what can be derived; what is not known has no entry.
pub(super) fn facts(
    device_id: &str,
    attempts: &[Attempt],
    material: &Material<'_, '_>,
) -> BTreeMap<&'static str, String> {
    let installed_at = attempts
        .iter()
        .filter(|attempt| attempt.succeeded() && is_system_update(attempt))
        .map(|attempt| attempt.started_at)
        .max();
    let before = match installed_at {
        None => material.facts.get(inventory::OS_BUILD).map(str::to_owned),
        Some(time) => Facts::before(material.rows, time)
            .and_then(|facts| facts.get(inventory::OS_BUILD).map(str::to_owned)),
    };
    let build = before.as_deref().and_then(Build::parse);
    let mut derived = BTreeMap::new();
    if let Some(missing) = build.and_then(|build| missing_prerequisite(device_id, build, material))
    {
        derived.insert(MISSING_PREREQUISITE, missing);
    }
    if let Some(before) = before {
        derived.insert(OS_BUILD_BEFORE, before);
    }
    if let Some(stack) = servicing_stack(material) {
        derived.insert(SERVICING_STACK, stack);
    }
    let unplaced: BTreeSet<&str> = material
        .rows
        .iter()
        .filter(|row| {
            row.kind == RowKind::Record && row.is_zone_assumed && row.occurred_at.is_some()
        })
        .map(|row| row.source)
        .collect();
    if !unplaced.is_empty() {
        let sources: Vec<&str> = unplaced.into_iter().collect();
        derived.insert(ZONE_ASSUMED, sources.join(", "));
    }
    derived
}

fn missing_prerequisite(
    device_id: &str,
    build: Build,
    material: &Material<'_, '_>,
) -> Option<String> {
    let ubr = build.ubr?;
    let read_at = Facts::collected_at(material.rows)?;
    let planned = material
        .reference
        .kb_planned_next_for(device_id, Some(build.number), read_at)?;
    let lacks = |kb: u32, least: u32| ubr < least && !material.facts.has_hotfix(kb);
    let missing: Vec<String> = material
        .reference
        .prerequisites
        .iter()
        .filter(|row| {
            row.kb_article == planned
                && crate::reference::servicing_branch(row.os_build_number) == build.branch()
                && lacks(row.requires_kb, row.requires_min_ubr)
        })
        .map(|row| format!("KB{}", row.requires_kb))
        .collect();
    let mut missing = missing;
    missing.dedup();
    (!missing.is_empty()).then(|| missing.join(","))
}

/// The last statement of the servicing stack about its own version.
fn servicing_stack(material: &Material<'_, '_>) -> Option<String> {
    const MARKS: [&str; 2] = ["current Servicing Stack is v", "Loaded Servicing Stack v"];
    let either = Finder::new("Servicing Stack ");
    let speaks_of_it = |row: &&Row<'_>| either.find(row.message.as_bytes()).is_some();
    material
        .rows
        .iter()
        .rev()
        .filter(speaks_of_it)
        .find_map(|row| {
            let (_, after) = MARKS.iter().find_map(|mark| row.message.split_once(mark))?;
            let version: String = after
                .chars()
                .take_while(|c| c.is_ascii_digit() || *c == '.')
                .collect();
            let version = version.trim_end_matches('.');
            (!version.is_empty()).then(|| version.to_owned())
        })
}
