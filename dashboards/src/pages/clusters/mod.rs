//! `GET /clusters`: the clusters as a table, and where they are as a heat map.

pub(crate) mod load;
pub(crate) mod model;
mod narrow;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::Response;

use self::model::{Cluster, Clusters, HeatCell};
use crate::answer;
use crate::chart;
use crate::error::Result;
use crate::format::number;
use crate::frame::{Frame, Theme};
use crate::i18n;
use crate::pages::ROWS_SHOWN;
use crate::pages::filter::Filter;
use crate::paging;
use crate::server::App;

/// A wider map cannot be read; the sites with the most devices stay.
const HEAT_SITES_MAX: usize = 24;

/// `GET /clusters`.
pub(crate) async fn page(State(app): State<App>, frame: Frame) -> Response {
    answer::page(&frame, render(&app, &frame).await)
}

/// `GET /api/v1/clusters`.
pub(crate) async fn json(State(app): State<App>, frame: Frame) -> Response {
    let listed = async {
        let Clusters { clusters, heat } = load::clusters(&app, &frame).await?;
        let id = |cluster: &Cluster| cluster.cluster_key.clone();
        let (headers, clusters) = paging::page(&frame, clusters, id)?;
        Ok((headers, Json(Clusters { clusters, heat })))
    };
    answer::json(listed.await)
}

/// `GET /clusters.csv`.
pub(crate) async fn csv(State(app): State<App>, frame: Frame) -> Response {
    answer::csv(&frame, "clusters", load::csv(&app, &frame).await)
}

async fn render(app: &App, frame: &Frame) -> Result<String> {
    let model = load::clusters(app, frame).await?;
    let options = load::options(app).await?;
    let values = |name: &str| {
        options
            .iter()
            .filter(|option| option.name == name)
            .map(|option| option.value.clone())
            .collect::<Vec<_>>()
    };
    let filters = vec![
        Filter::new(
            frame,
            "cause",
            frame.t("first.cause"),
            &values("cause"),
            Some("cause"),
        ),
        Filter::new(frame, "site", frame.t("common.site"), &values("site"), None),
        Filter::new(frame, "ring", frame.t("common.ring"), &values("ring"), None),
    ];
    let all = frame.value("open") == Some("all");
    let view = View {
        f: frame,
        headline: headline(frame, &model),
        clusters: model.clusters.get(..ROWS_SHOWN).unwrap_or(&model.clusters),
        heat: heat(&model.heat),
        filters,
        all,
    };
    Ok(view.render()?)
}

fn headline(f: &Frame, model: &Clusters) -> String {
    let open = model
        .clusters
        .iter()
        .filter(|cluster| cluster.open_devices > 0);
    let (clusters, devices) = open.fold((0_u64, 0_u64), |(clusters, devices), cluster| {
        (clusters + 1, devices + cluster.open_devices)
    });
    let key = match clusters {
        0 if f.query.is_empty() => "clusters.headline_none",
        0 => "clusters.headline_none_selected",
        _ => "clusters.headline",
    };
    i18n::fill(
        f.lang,
        key,
        &[
            ("devices", &number(devices)),
            ("clusters", &number(clusters)),
        ],
    )
}

#[derive(Template)]
#[template(path = "clusters.html")]
struct View<'a> {
    f: &'a Frame,
    headline: String,
    clusters: &'a [Cluster],
    heat: Heat,
    filters: Vec<Filter>,
    all: bool,
}

impl View<'_> {
    fn daily_label(&self, row: &Cluster) -> String {
        let counts: Vec<String> = row.daily.iter().map(u64::to_string).collect();
        self.f.fill("clusters.daily_label", counts.join(", "))
    }
}

/// The heat map laid out: causes down, sites across.
struct Heat {
    sites: Vec<String>,
    rows: Vec<HeatRow>,
    /// Whether sites were left out.
    cut: bool,
}

struct HeatRow {
    cause: String,
    cells: Vec<HeatView>,
}

struct HeatView {
    site: String,
    devices: u64,
    class: &'static str,
}

fn heat(cells: &[HeatCell]) -> Heat {
    let mut sites = totals(cells, |cell| &cell.site);
    let cut = sites.len() > HEAT_SITES_MAX;
    sites.truncate(HEAT_SITES_MAX);
    let most = cells.iter().map(|cell| cell.devices).max().unwrap_or(0);
    let rows = totals(cells, |cell| &cell.cause)
        .into_iter()
        .map(|cause| {
            let cells = sites
                .iter()
                .map(|site| {
                    let devices = cells
                        .iter()
                        .filter(|cell| cell.site == *site && cell.cause == cause)
                        .map(|cell| cell.devices)
                        .sum();
                    HeatView {
                        site: site.clone(),
                        devices,
                        class: chart::heat(devices, most),
                    }
                })
                .collect();
            HeatRow { cause, cells }
        })
        .collect();
    Heat { sites, rows, cut }
}

/// The distinct values of a column, those with the most devices first.
fn totals(cells: &[HeatCell], column: impl Fn(&HeatCell) -> &String) -> Vec<String> {
    let mut totals: Vec<(u64, String)> = Vec::new();
    for cell in cells {
        match totals.iter_mut().find(|(_, name)| name == column(cell)) {
            Some((total, _)) => *total += cell.devices,
            None => totals.push((cell.devices, column(cell).clone())),
        }
    }
    totals.sort_by(|left, right| right.0.cmp(&left.0).then_with(|| left.1.cmp(&right.1)));
    totals.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heat_map_puts_the_most_first_and_fills_gaps() {
        let cell = |site: &str, cause: &str, devices| HeatCell {
            site: site.to_owned(),
            cause: cause.to_owned(),
            devices,
        };
        let map = heat(&[cell("a", "x", 1), cell("b", "x", 2), cell("b", "y", 9)]);
        assert_eq!(map.sites, ["b", "a"]);
        assert_eq!(map.rows[0].cause, "y");
        let counts: Vec<u64> = map
            .rows
            .iter()
            .flat_map(|row| row.cells.iter().map(|cell| cell.devices))
            .collect();
        assert_eq!(counts, [9, 0, 2, 1]);
        assert_eq!(map.rows[0].cells[0].class, "h5");
    }
}
