//! The counts of one rollout added up in the directions that its page shows. Pure: rows in, figures out.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{First, Funnel, Group, Progress, Summary};

use serde::{Deserialize, Serialize};

/// Devices with everything in common that the page shows; grain: one per combination.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Cell {
    pub(super) ring: String,
    pub(super) site: String,
    pub(super) reporting: String,
    pub(super) compliance: String,
    pub(super) state: String,
    pub(super) furthest_client_substate: String,
    pub(super) cluster_key: String,
    /// The day, for installed devices.
    pub(super) installed_on: Option<String>,
    /// When its installed devices had the update, where that is known, in seconds since 1970.
    pub(super) installed_s: Vec<u32>,
    pub(super) as_of: Option<String>,
    pub(super) devices: u64,
}

/// The way to the installed update, in order.
const STEPS: [&str; 9] = [
    "OfferReceived",
    "DownloadStart",
    "DownloadComplete",
    "InstallStart",
    "InstallComplete",
    "RestartRequired",
    "RestartInitiated",
    "RestartComplete",
    "UpdateInstalled",
];

/// Rings or sites in a table.
const GROUPS_MAX: usize = 60;
/// Sites with a line of their own in the progress chart: those with the most devices.
const SITE_LINES_MAX: usize = 5;
/// Clusters in "what to do first".
const FIRST_MAX: usize = 10;

/// Adds the counts to the plan.
pub(super) fn summary(mut plan: Summary, cells: &[Cell]) -> Summary {
    for cell in cells {
        let n = cell.devices;
        plan.planned += n;
        match cell.reporting.as_str() {
            "excluded" => plan.excluded += n,
            "stale" => plan.stale += n,
            "never_seen" => plan.never_seen += n,
            _ => {
                plan.reporting += n;
                match cell.compliance.as_str() {
                    "Latest" => plan.latest += n,
                    "Missing one" => plan.missing_one += n,
                    "Missing multiple" => plan.missing_multiple += n,
                    _ => plan.build_unknown += n,
                }
            }
        }
        match cell.state.as_str() {
            "installed" => plan.installed += n,
            "pending_restart" => plan.pending_restart += n,
            "in_progress" => plan.in_progress += n,
            "failed" => plan.failed += n,
            "not_started" => plan.not_started += n,
            _ => {}
        }
        if cell.as_of > plan.as_of {
            plan.as_of.clone_from(&cell.as_of);
        }
    }
    plan.eligible = plan.planned - plan.excluded;
    let hours = hours_to_patch(plan.started_s, cells);
    plan.median_hours = quantile(&hours, 1, 2);
    plan.p90_hours = quantile(&hours, 9, 10);
    plan
}

/// Hours from the rollout's start to the update, one for each device of which both are known, in ascending order. As
/// the view time_to_patch counts them: what was installed before the start tells nothing of the rollout.
fn hours_to_patch(started_s: Option<u32>, cells: &[Cell]) -> Vec<f64> {
    let Some(started) = started_s else {
        return Vec::new();
    };
    let installed = cells.iter().flat_map(|cell| &cell.installed_s);
    let mut seconds: Vec<u32> = installed.filter_map(|at| at.checked_sub(started)).collect();
    seconds.sort_unstable();
    let hours = seconds
        .into_iter()
        .map(|seconds| f64::from(seconds) / 3600.0);
    hours.collect()
}

/// The value below which `numerator` of `denominator` of the values lie, as the store's `quantileExact` picks it.
fn quantile(ascending: &[f64], numerator: usize, denominator: usize) -> Option<f64> {
    ascending
        .get(ascending.len() * numerator / denominator)
        .copied()
}

/// The distinct values of a column.
pub(super) fn names(cells: &[Cell], column: impl Fn(&Cell) -> &String) -> Vec<String> {
    let names: BTreeSet<&String> = cells.iter().map(column).collect();
    names.into_iter().cloned().collect()
}

/// The devices of one ring, of one site, or of both; all where the names are empty.
pub(super) fn narrow(mut cells: Vec<Cell>, ring: &str, site: &str) -> Vec<Cell> {
    let fits = |wanted: &str, name: &str| wanted.is_empty() || wanted == name;
    cells.retain(|cell| fits(ring, &cell.ring) && fits(site, &cell.site));
    cells
}

/// The table by ring or by site, most failing devices first.
pub(super) fn groups(cells: &[Cell], name: impl Fn(&Cell) -> &str) -> Vec<Group> {
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| cell.reporting != "excluded") {
        let group = groups.entry(name(cell)).or_insert_with(|| Group {
            name: name(cell).to_owned(),
            ..Group::default()
        });
        let n = cell.devices;
        group.eligible += n;
        match cell.state.as_str() {
            "installed" => group.installed += n,
            "pending_restart" => group.pending_restart += n,
            "in_progress" => group.in_progress += n,
            "failed" => group.failed += n,
            "stale" => group.stale += n,
            "never_seen" => group.never_seen += n,
            _ => group.not_started += n,
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.failed, group.eligible)));
    groups.truncate(GROUPS_MAX);
    groups
}

/// Devices that belong together, with the days on which they were installed.
#[derive(Default)]
struct Together<'a> {
    eligible: u64,
    installed: Vec<(&'a str, u64)>,
}

/// Installed devices by the end of each of `days`: all, then each ring, then each of the largest sites.
pub(super) fn progress(cells: &[Cell], days: &[String]) -> Vec<Progress> {
    let mut lines: BTreeMap<(&str, &str), Together<'_>> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| cell.reporting != "excluded") {
        // A device without a ring or site is among all devices already.
        let keys = BTreeSet::from([("", ""), (cell.ring.as_str(), ""), ("", cell.site.as_str())]);
        for key in keys {
            let counted = lines.entry(key).or_default();
            counted.eligible += cell.devices;
            if let Some(day) = &cell.installed_on {
                counted.installed.push((day, cell.devices));
            }
        }
    }
    let mut sites: Vec<(u64, &str)> = lines
        .iter()
        .filter(|((_, site), _)| !site.is_empty())
        .map(|((_, site), line)| (line.eligible, *site))
        .collect();
    sites.sort_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(right.1)));
    let small: BTreeSet<&str> = sites
        .iter()
        .skip(SITE_LINES_MAX)
        .map(|(_, site)| *site)
        .collect();
    let mut points = Vec::new();
    for ((ring, site), line) in lines {
        if small.contains(site) {
            continue;
        }
        for day in days {
            let installed = line
                .installed
                .iter()
                .filter(|(on, _)| *on <= day.as_str())
                .map(|(_, devices)| devices)
                .sum();
            points.push(Progress {
                day: day.clone(),
                ring: ring.to_owned(),
                site: site.to_owned(),
                installed,
                eligible: line.eligible,
            });
        }
    }
    points
}

/// How far reporting devices got, and where the failing ones stopped. Empty when none tried.
pub(super) fn funnel(cells: &[Cell]) -> Vec<Funnel> {
    let tried: Vec<(usize, &Cell)> = cells
        .iter()
        .filter(|cell| cell.reporting == "reporting")
        .filter_map(|cell| {
            let furthest = match cell.furthest_client_substate.as_str() {
                // Where only the build shows the update, no log says how it came.
                _ if cell.state == "installed" => "UpdateInstalled",
                // Windows takes an update back when it starts again: that far the device got.
                "Rollback" => "RestartInitiated",
                substate => substate,
            };
            STEPS
                .iter()
                .position(|step| *step == furthest)
                .map(|at| (at, cell))
        })
        .collect();
    if tried.is_empty() {
        return Vec::new();
    }
    let count = |keep: &dyn Fn(usize, &Cell) -> bool| {
        tried
            .iter()
            .filter(|(at, cell)| keep(*at, cell))
            .map(|(_, cell)| cell.devices)
            .sum()
    };
    STEPS
        .iter()
        .enumerate()
        .map(|(step, name)| Funnel {
            client_substate: (*name).to_owned(),
            reached: count(&|at, _| at >= step),
            failed_here: count(&|at, cell| at == step && cell.state == "failed"),
        })
        .collect()
}

/// The clusters of the rollout by the devices that each one holds back, what has no known cause last.
pub(super) fn first(cells: &[Cell], clusters: &[First]) -> Vec<First> {
    let mut ranked: Vec<First> = clusters
        .iter()
        .filter_map(|cluster| {
            let mut sites: BTreeMap<&str, u64> = BTreeMap::new();
            let of_cluster = cells.iter().filter(|cell| {
                !cell.cluster_key.is_empty() && cell.cluster_key == cluster.cluster_key
            });
            for cell in of_cluster {
                *sites.entry(cell.site.as_str()).or_default() += cell.devices;
            }
            let devices: u64 = sites.values().sum();
            let mut sites: Vec<(&str, u64)> = sites.into_iter().collect();
            sites.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
            let sites = sites.into_iter().map(|(site, _)| site.to_owned()).collect();
            (devices > 0).then(|| First {
                devices,
                sites,
                ..cluster.clone()
            })
        })
        .collect();
    ranked.sort_by(|left, right| {
        let key = |row: &First| (row.cause == "unknown", std::cmp::Reverse(row.devices));
        key(left)
            .cmp(&key(right))
            .then_with(|| left.cluster_key.cmp(&right.cluster_key))
    });
    ranked.truncate(FIRST_MAX);
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(ring: &str, state: &str, devices: u64) -> Cell {
        let silent = matches!(state, "stale" | "never_seen" | "excluded");
        Cell {
            ring: ring.to_owned(),
            site: format!("site of {ring}"),
            reporting: if silent { state } else { "reporting" }.to_owned(),
            compliance: if state == "installed" { "Latest" } else { "" }.to_owned(),
            state: state.to_owned(),
            furthest_client_substate: if state == "failed" {
                "InstallStart"
            } else {
                "UpdateInstalled"
            }
            .to_owned(),
            cluster_key: if state == "failed" { "k" } else { "" }.to_owned(),
            installed_on: (state == "installed").then(|| "2024-08-15".to_owned()),
            installed_s: Vec::new(),
            as_of: Some("2024-08-16 08:00:00".to_owned()),
            devices,
        }
    }

    fn cells() -> Vec<Cell> {
        vec![
            cell("a", "installed", 5),
            cell("a", "failed", 3),
            cell("b", "failed", 1),
            cell("b", "stale", 2),
            cell("b", "excluded", 9),
            cell("", "installed", 1),
        ]
    }

    #[test]
    fn every_device_is_counted_once_in_every_direction() {
        let s = summary(Summary::default(), &cells());
        assert_eq!(
            (s.planned, s.excluded, s.eligible, s.reporting, s.stale),
            (21, 9, 12, 10, 2)
        );
        assert_eq!(
            s.latest + s.missing_one + s.missing_multiple + s.build_unknown,
            s.reporting
        );
        assert_eq!(
            s.installed + s.pending_restart + s.in_progress + s.failed + s.not_started,
            s.reporting
        );
        let rings = groups(&cells(), |cell| &cell.ring);
        assert_eq!(
            rings.iter().map(|ring| ring.eligible).sum::<u64>(),
            s.eligible
        );
        assert_eq!((rings[0].name.as_str(), rings[0].failed), ("a", 3));
        assert_eq!(s.as_of.as_deref(), Some("2024-08-16 08:00:00"));
    }

    #[test]
    fn progress_counts_from_the_day_of_installation_on() {
        let days = ["2024-08-14", "2024-08-15", "2024-08-16"].map(str::to_owned);
        let points = progress(&cells(), &days);
        let of = |ring: &str| {
            points
                .iter()
                .filter(|point| point.ring == ring && point.site.is_empty())
                .map(|point| (point.installed, point.eligible))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(""),
            [(0, 12), (6, 12), (6, 12)],
            "a device without a ring is counted once"
        );
        assert_eq!(of("a"), [(0, 8), (5, 8), (5, 8)]);
        let of_site: Vec<u64> = points
            .iter()
            .filter(|point| point.site == "site of a")
            .map(|point| point.installed)
            .collect();
        assert_eq!(of_site, [0, 5, 5]);
    }

    #[test]
    fn half_of_the_installed_devices_had_it_after_the_median() {
        let at = |hours: &[u32]| Cell {
            installed_s: hours.iter().map(|hours| 86_400 + hours * 3600).collect(),
            ..cell("a", "installed", hours.len() as u64)
        };
        let of = |started_s, cells: &[Cell]| {
            let plan = Summary {
                started_s,
                ..Summary::default()
            };
            let summary = summary(plan, cells);
            (summary.median_hours, summary.p90_hours)
        };
        let cells = [at(&[30, 2]), at(&[4, 6, 8])];
        assert_eq!(of(Some(86_400), &cells), (Some(6.0), Some(30.0)));
        // What was installed before the start has no time.
        assert_eq!(of(Some(86_400 + 5 * 3600), &cells), (Some(3.0), Some(25.0)));
        assert_eq!(of(None, &cells), (None, None));
        assert_eq!(of(Some(86_400), &[]), (None, None));
    }

    #[test]
    fn a_ring_and_a_site_narrow_the_devices() {
        let of = |ring: &str, site: &str| {
            let cells = narrow(cells(), ring, site);
            summary(Summary::default(), &cells).planned
        };
        assert_eq!(
            [
                of("", ""),
                of("a", ""),
                of("", "site of b"),
                of("a", "site of b")
            ],
            [21, 8, 12, 0]
        );
        assert_eq!(names(&cells(), |cell| &cell.ring), ["", "a", "b"]);
    }

    #[test]
    fn the_funnel_narrows_and_names_where_devices_failed() {
        let steps = funnel(&cells());
        assert!(
            steps
                .windows(2)
                .all(|pair| pair[0].reached >= pair[1].reached)
        );
        assert_eq!(steps.iter().map(|step| step.failed_here).sum::<u64>(), 4);
        assert_eq!(steps[3].failed_here, 4);
        assert!(funnel(&[cell("a", "never_seen", 4)]).is_empty());
        // A device that rolled back got to its restart, and is counted there.
        let rolled_back = Cell {
            furthest_client_substate: "Rollback".to_owned(),
            ..cell("a", "failed", 2)
        };
        let steps = funnel(&[vec![rolled_back], cells()].concat());
        assert_eq!(steps.iter().map(|step| step.failed_here).sum::<u64>(), 6);
        assert_eq!((steps[6].failed_here, steps[7].failed_here), (2, 0));
        assert_eq!(steps[0].reached, 12);
    }

    #[test]
    fn unknown_comes_last_however_many() {
        let mut cells = cells();
        cells.push(Cell {
            cluster_key: "u".to_owned(),
            devices: 50,
            ..cell("a", "failed", 50)
        });
        let cluster = |key: &str, cause: &str| First {
            cluster_key: key.to_owned(),
            cause: cause.to_owned(),
            ..First::default()
        };
        let ranked = first(
            &cells,
            &[
                cluster("u", "unknown"),
                cluster("k", "disk-space"),
                cluster("elsewhere", "disk-space"),
            ],
        );
        assert_eq!(
            ranked
                .iter()
                .map(|row| (row.cluster_key.as_str(), row.devices))
                .collect::<Vec<_>>(),
            [("k", 4), ("u", 50)]
        );
        assert_eq!(ranked[0].sites, ["site of a", "site of b"]);
    }
}
