//! Comparisons of the inventory with reference data.

use patchlens_event::inventory;

use super::facts::Facts;
use crate::attempt::Attempt;
use crate::knowledge::{Check, Variables};
use crate::normalise::file_name;
use crate::reference::{Prerequisite, Reference, servicing_branch};

/// What a comparison found.
#[derive(Debug, Default)]
pub(crate) struct Finding {
    pub(crate) variables: Variables,
    /// Facts that it rests on.
    pub(crate) facts: Vec<String>,
    /// The update that it is about.
    pub(crate) kb: Option<u32>,
    /// Concluded from something else than what should be compared: less sure.
    pub(crate) is_indirect: bool,
}

/// Makes a comparison; `None` when it does not hold or cannot be made. `stated` is what the records of
/// the rule captured.
pub(crate) fn find(
    check: Check,
    attempt: Option<&Attempt>,
    facts: &Facts,
    installed_later: &[u32],
    stated: &Variables,
    reference: &Reference,
) -> Option<Finding> {
    match check {
        Check::StatedServicingStackListed => stated_stack(attempt, stated, reference),
        Check::ServicingStackBelowRequired => {
            below_required(true, attempt, facts, installed_later, reference)
        }
        Check::PrerequisiteMissing => {
            below_required(false, attempt, facts, installed_later, reference)
        }
        Check::ServicingStackNotBelow => {
            below_required(true, attempt, facts, installed_later, reference)
                .is_none()
                .then(Finding::default)
        }
        Check::ServicingStackInOrder => {
            let build = facts.build().filter(|build| build.ubr.is_some())?;
            let is_listed = reference.prerequisites.iter().any(|row| {
                row.is_servicing_stack && servicing_branch(row.os_build_number) == build.branch()
            });
            let is_below = below_required(true, attempt, facts, installed_later, reference);
            (is_listed && is_below.is_none()).then(Finding::default)
        }
        Check::PackageHashDiffers => hash_differs(attempt, facts, reference),
    }
}

/// Finds the prerequisite that the device's revision is below. Where the attempt names no update,
/// every update of the device's servicing branch counts, and the highest prerequisite is named.
fn below_required(
    servicing_stack: bool,
    attempt: Option<&Attempt>,
    facts: &Facts,
    installed_later: &[u32],
    reference: &Reference,
) -> Option<Finding> {
    let build = facts.build()?;
    let newest = facts.newest_hotfix();
    // Without the revision, the list of hotfixes tells, when all that it names is older.
    if build.ubr.is_none() && newest.is_none() && installed_later.is_empty() {
        return None;
    }
    let is_below = |row: &Prerequisite| match build.ubr {
        Some(ubr) => ubr < row.requires_min_ubr,
        None => newest.is_some_and(|newest| newest < row.requires_kb),
    };
    let kb = attempt.and_then(|attempt| attempt.kb);
    let unmet: Vec<&Prerequisite> = reference
        .prerequisites
        .iter()
        .filter(|row| {
            row.is_servicing_stack == servicing_stack
                && servicing_branch(row.os_build_number) == build.branch()
        })
        .filter(|row| kb.is_none_or(|kb| kb == row.kb_article))
        .filter(|row| {
            installed_later.contains(&row.requires_kb)
                || is_below(row) && !facts.has_hotfix(row.requires_kb)
        })
        .collect();
    let needed = unmet
        .iter()
        .max_by_key(|row| (row.requires_min_ubr, row.requires_kb))?;
    let mut dependents: Vec<u32> = unmet
        .iter()
        .filter(|row| row.requires_kb == needed.requires_kb)
        .map(|row| row.kb_article)
        .collect();
    dependents.sort_unstable();
    dependents.dedup();
    let mut variables = Variables::new();
    variables.insert("culprit".to_owned(), format!("KB{}", needed.requires_kb));
    let told_by_build = build.ubr.is_some() && is_below(needed);
    if let Some(ubr) = build.ubr.filter(|_| told_by_build) {
        variables.insert(
            "needed".to_owned(),
            format!("{}.{}", build.number, needed.requires_min_ubr),
        );
        variables.insert("current".to_owned(), format!("{}.{ubr}", build.number));
    }
    variables.insert(
        "dependents".to_owned(),
        dependents
            .iter()
            .map(|kb| format!("KB{kb}"))
            .collect::<Vec<_>>()
            .join(", "),
    );
    let named = match dependents.as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    // Without an inventory from before the repair, the later installation of the prerequisite tells.
    let facts = if told_by_build {
        vec![inventory::OS_BUILD.to_owned()]
    } else if is_below(needed) {
        vec![inventory::HOTFIXES.to_owned()]
    } else {
        Vec::new()
    };
    Some(Finding {
        variables,
        is_indirect: facts
            .first()
            .is_some_and(|fact| fact == inventory::HOTFIXES),
        facts,
        kb: named,
    })
}

/// Finds the update that brings the servicing stack which a record says is needed: servicing itself has
/// compared, so that no inventory has to. Where the record's update is not listed, any of its branch
/// counts as long as they all need one and the same.
fn stated_stack(
    attempt: Option<&Attempt>,
    stated: &Variables,
    reference: &Reference,
) -> Option<Finding> {
    let mut version = stated.get("needed")?.split('.').map(str::parse::<u32>);
    let branch = servicing_branch(version.nth(2)?.ok()?);
    let of_branch = || {
        reference.prerequisites.iter().filter(move |row| {
            row.is_servicing_stack && servicing_branch(row.os_build_number) == branch
        })
    };
    let kb = attempt.and_then(|attempt| attempt.kb);
    let listed = of_branch()
        .filter(|row| Some(row.kb_article) == kb)
        .max_by_key(|row| (row.requires_min_ubr, row.requires_kb));
    let only = || {
        let needed = of_branch().next()?;
        let is_only = of_branch().all(|row| row.requires_kb == needed.requires_kb);
        (kb.is_none() && is_only).then_some(needed)
    };
    let needed = listed.or_else(only)?;
    let mut variables = Variables::new();
    variables.insert("culprit".to_owned(), format!("KB{}", needed.requires_kb));
    Some(Finding {
        variables,
        kb: Some(needed.kb_article),
        ..Finding::default()
    })
}

/// Finds a listed file that is published under the same name with another hash.
fn hash_differs(
    attempt: Option<&Attempt>,
    facts: &Facts,
    reference: &Reference,
) -> Option<Finding> {
    facts.iter().find_map(|(name, hash, _)| {
        let path = name.strip_prefix(inventory::FILE_SHA256)?;
        let published = || {
            reference
                .published_hashes
                .iter()
                .filter(|row| row.file_name.eq_ignore_ascii_case(file_name(path)))
        };
        let expected = published().next()?;
        if published().any(|row| row.sha256.eq_ignore_ascii_case(hash))
            || attempt
                .and_then(|attempt| attempt.kb)
                .is_some_and(|kb| kb != expected.kb_article)
        {
            return None;
        }
        let mut variables = Variables::new();
        variables.insert("culprit".to_owned(), file_name(path).to_owned());
        variables.insert("path".to_owned(), path.to_owned());
        variables.insert("expected".to_owned(), expected.sha256.clone());
        variables.insert("found".to_owned(), hash.to_ascii_lowercase());
        Some(Finding {
            variables,
            facts: vec![name.to_owned()],
            kb: Some(expected.kb_article),
            is_indirect: false,
        })
    })
}
