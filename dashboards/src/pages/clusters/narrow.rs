//! The clusters within the filters of an address. Pure: rows in, rows out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;

use super::model::{Cluster, HeatCell};

/// Devices of one cluster at one place; grain: one per cluster, site and ring.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Place {
    pub(super) cluster_key: String,
    pub(super) site: String,
    pub(super) ring: String,
    pub(super) open_devices: u64,
    pub(super) devices: u64,
}

/// Devices with a failure of one cause at one place; grain: one per cause, site and ring.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct CauseAtPlace {
    pub(super) cause: String,
    pub(super) site: String,
    pub(super) ring: String,
    pub(super) open_devices: u64,
    pub(super) devices: u64,
}

/// What the address asks for; a filter that is empty is off.
#[derive(Debug, Clone, Default)]
pub(super) struct Narrow {
    pub(super) cause: String,
    pub(super) site: String,
    pub(super) ring: String,
    /// Whether clusters that no device is in any more are left out.
    pub(super) open_only: bool,
}

impl Narrow {
    /// The clusters that fit, with the devices that fit, those with the most failing devices first.
    pub(super) fn clusters(&self, mut clusters: Vec<Cluster>, places: &[Place]) -> Vec<Cluster> {
        if !self.site.is_empty() || !self.ring.is_empty() {
            let mut counts: HashMap<&str, (u64, u64)> = HashMap::new();
            for place in places.iter().filter(|p| self.is_at(&p.site, &p.ring)) {
                let (open, ever) = counts.entry(&place.cluster_key).or_default();
                *open += place.open_devices;
                *ever += place.devices;
            }
            for cluster in &mut clusters {
                let count = counts.get(cluster.cluster_key.as_str());
                (cluster.open_devices, cluster.devices) = count.copied().unwrap_or_default();
            }
        }
        self.name_places(&mut clusters, places);
        clusters.retain(|cluster| {
            fits(&self.cause, &cluster.cause)
                && cluster.devices > 0
                && (!self.open_only || cluster.open_devices > 0)
        });
        clusters.sort_by(|left, right| {
            (right.open_devices, right.devices, &left.cluster_key).cmp(&(
                left.open_devices,
                left.devices,
                &right.cluster_key,
            ))
        });
        clusters
    }

    /// Sites and rings of the devices that are counted: of failing ones as long as there are any.
    fn name_places(&self, clusters: &mut [Cluster], places: &[Place]) {
        let mut by_cluster: HashMap<&str, Vec<&Place>> = HashMap::new();
        for place in places.iter().filter(|p| self.is_at(&p.site, &p.ring)) {
            by_cluster
                .entry(&place.cluster_key)
                .or_default()
                .push(place);
        }
        for cluster in clusters {
            let Some(places) = by_cluster.get(cluster.cluster_key.as_str()) else {
                continue;
            };
            let is_open = cluster.open_devices > 0;
            let names = |name: fn(&Place) -> &String| -> Vec<String> {
                let counted = places.iter().filter(|p| !is_open || p.open_devices > 0);
                let names: BTreeSet<&String> = counted
                    .map(|place| name(place))
                    .filter(|name| !name.is_empty())
                    .collect();
                names.into_iter().cloned().collect()
            };
            (cluster.sites, cluster.rings) = (names(|p| &p.site), names(|p| &p.ring));
        }
    }

    /// The cells of the heat map, those with the most devices first.
    pub(super) fn heat(&self, cells: &[CauseAtPlace]) -> Vec<HeatCell> {
        let mut devices: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for cell in cells {
            let count = if self.open_only {
                cell.open_devices
            } else {
                cell.devices
            };
            if count > 0 && fits(&self.cause, &cell.cause) && self.is_at(&cell.site, &cell.ring) {
                *devices.entry((&cell.site, &cell.cause)).or_default() += count;
            }
        }
        let mut heat: Vec<HeatCell> = devices
            .into_iter()
            .map(|((site, cause), devices)| HeatCell {
                site: site.to_owned(),
                cause: cause.to_owned(),
                devices,
            })
            .collect();
        heat.sort_by_key(|cell| std::cmp::Reverse(cell.devices));
        heat
    }

    fn is_at(&self, site: &str, ring: &str) -> bool {
        fits(&self.site, site) && fits(&self.ring, ring)
    }
}

fn fits(wanted: &str, name: &str) -> bool {
    wanted.is_empty() || wanted == name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(key: &str, cause: &str, open_devices: u64, devices: u64) -> Cluster {
        Cluster {
            cluster_key: key.to_owned(),
            cause: cause.to_owned(),
            open_devices,
            devices,
            ..Cluster::default()
        }
    }

    fn place(key: &str, site: &str, ring: &str, open_devices: u64, devices: u64) -> Place {
        Place {
            cluster_key: key.to_owned(),
            site: site.to_owned(),
            ring: ring.to_owned(),
            open_devices,
            devices,
        }
    }

    fn shown(narrow: &Narrow) -> Vec<(String, u64, u64)> {
        let clusters = vec![
            cluster("a", "x", 3, 5),
            cluster("b", "y", 2, 2),
            cluster("c", "x", 0, 1),
        ];
        let places = [
            place("a", "S1", "Pilot", 1, 1),
            place("a", "S2", "Broad", 2, 4),
            place("b", "S1", "Broad", 2, 2),
            place("c", "S1", "Broad", 0, 1),
        ];
        let rows = narrow.clusters(clusters, &places).into_iter();
        rows.map(|row| (row.cluster_key, row.open_devices, row.devices))
            .collect()
    }

    #[test]
    fn clusters_are_counted_within_the_filters() {
        let row = |key: &str, open, ever| (key.to_owned(), open, ever);
        let all = Narrow::default();
        assert_eq!(
            shown(&all),
            [row("a", 3, 5), row("b", 2, 2), row("c", 0, 1)]
        );
        let open_only = Narrow {
            open_only: true,
            ..all.clone()
        };
        assert_eq!(shown(&open_only), [row("a", 3, 5), row("b", 2, 2)]);
        let site = Narrow {
            site: "S1".to_owned(),
            ..all.clone()
        };
        assert_eq!(
            shown(&site),
            [row("b", 2, 2), row("a", 1, 1), row("c", 0, 1)],
            "the order follows the devices at the place"
        );
        let nobody = Narrow {
            site: "S2".to_owned(),
            ring: "Pilot".to_owned(),
            ..all.clone()
        };
        assert!(shown(&nobody).is_empty());
        let cause = Narrow {
            cause: "y".to_owned(),
            ..all
        };
        assert_eq!(shown(&cause), [row("b", 2, 2)]);
    }

    #[test]
    fn the_heat_map_adds_rings_up_and_leaves_empty_cells_out() {
        let cell = |cause: &str, site: &str, ring: &str, open_devices, devices| CauseAtPlace {
            cause: cause.to_owned(),
            site: site.to_owned(),
            ring: ring.to_owned(),
            open_devices,
            devices,
        };
        let cells = [
            cell("x", "S1", "Pilot", 1, 2),
            cell("x", "S1", "Broad", 2, 2),
            cell("y", "S1", "Broad", 0, 9),
        ];
        let heat = |narrow: Narrow| -> Vec<(String, u64)> {
            let cells = narrow.heat(&cells).into_iter();
            cells.map(|cell| (cell.cause, cell.devices)).collect()
        };
        let open_only = Narrow {
            open_only: true,
            ..Narrow::default()
        };
        assert_eq!(heat(open_only), [("x".to_owned(), 3)]);
        let all = [("y".to_owned(), 9), ("x".to_owned(), 4)];
        assert_eq!(heat(Narrow::default()), all);
    }

    #[test]
    fn sites_are_those_of_the_devices_that_are_counted() {
        let places = [
            place("k", "now", "a", 2, 3),
            place("k", "once", "b", 0, 4),
            place("shut", "once", "b", 0, 4),
        ];
        let clusters = || vec![cluster("k", "x", 2, 7), cluster("shut", "x", 0, 4)];
        let sites = |narrow: Narrow| -> Vec<Vec<String>> {
            let found = narrow.clusters(clusters(), &places);
            found.into_iter().map(|found| found.sites).collect()
        };
        assert_eq!(sites(Narrow::default()), [["now"], ["once"]]);
        let ring = Narrow {
            ring: "b".to_owned(),
            ..Narrow::default()
        };
        assert_eq!(sites(ring), [["once"], ["once"]]);
    }
}
