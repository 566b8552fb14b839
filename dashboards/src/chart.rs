//! Charts drawn on the server as inline SVG: stacked bars, one-value bars, lines and heat levels.
//!
//! Shapes carry CSS classes of meaning and geometry attributes only, since the content security policy allows no inline
//! style. Templates give each chart its text alternative.

use std::fmt::Write as _;

/// One part of a stacked bar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segment {
    /// The state, which is also the CSS class.
    pub(crate) state: &'static str,
    /// Devices.
    pub(crate) count: u64,
    /// Left edge, percent of the bar.
    pub(crate) x: f64,
    /// Width, percent of the bar.
    pub(crate) width: f64,
}

/// Lays a stacked bar out; parts without devices are left out.
pub(crate) fn stack(parts: &[(&'static str, u64)]) -> Vec<Segment> {
    let total: u64 = parts.iter().map(|(_, count)| count).sum();
    let mut segments = Vec::new();
    let mut x = 0.0;
    for &(state, count) in parts.iter().filter(|(_, count)| *count > 0) {
        let width = percent(count, total);
        segments.push(Segment {
            state,
            count,
            x,
            width,
        });
        x += width;
    }
    segments
}

/// `part` of `whole` in percent, 0 for an empty whole.
#[expect(
    clippy::cast_precision_loss,
    reason = "device counts are far below 2^52"
)]
pub(crate) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}

/// Below this many devices in the fullest cell nothing is shown as hot.
const HEAT_MOST_MIN: u64 = 5;

/// The heat class of a count, from `h0` (none) to `h5` (the most).
pub(crate) fn heat(count: u64, most: u64) -> &'static str {
    if count == 0 || most == 0 {
        return "h0";
    }
    match count * 100 / most.max(HEAT_MOST_MIN) {
        0..=14 => "h1",
        15..=34 => "h2",
        35..=59 => "h3",
        60..=84 => "h4",
        _ => "h5",
    }
}

/// One line of a [`Line`] chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// What the legend says.
    pub(crate) name: String,
    /// The CSS class, `s0` to `s5`.
    pub(crate) class: String,
    /// The `points` attribute.
    pub(crate) points: String,
    /// The `points` of the area under the line.
    pub(crate) area: String,
    /// The last value, for the legend.
    pub(crate) last: String,
}

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    /// Position in the chart's units.
    pub(crate) at: f64,
    /// What it says.
    pub(crate) label: String,
}

/// A laid-out line chart of percentages over days.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Line {
    /// The lines.
    pub(crate) series: Vec<Series>,
    /// The planned line's `points`; empty without a plan.
    pub(crate) plan: String,
    /// Horizontal rules.
    pub(crate) y_ticks: Vec<Tick>,
    /// Days.
    pub(crate) x_ticks: Vec<Tick>,
}

/// The drawing area: the SVG is 640 × 230, with room for labels at the left and below.
const LEFT: f64 = 38.0;
const RIGHT: f64 = 632.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 205.0;
/// More day labels than this would touch each other.
const X_LABELS_MAX: usize = 8;

/// Lays out percentages (0–100) per day. Each series holds one optional value per day; the plan is the day index at
/// which it starts and the one at which it should be complete.
#[expect(clippy::cast_precision_loss, reason = "day counts are small")]
pub(crate) fn line(
    days: &[String],
    series: &[(String, Vec<Option<f64>>)],
    plan: Option<(f64, f64)>,
) -> Line {
    if days.is_empty() {
        return Line::default();
    }
    let last_day = (days.len() - 1).max(1) as f64;
    let x = |day: f64| LEFT + (RIGHT - LEFT) * (day / last_day).clamp(0.0, 1.0);
    let y = |value: f64| BOTTOM - (BOTTOM - TOP) * (value / 100.0).clamp(0.0, 1.0);
    let drawn = series.iter().enumerate().map(|(index, (name, values))| {
        let known: Vec<(f64, f64)> = values
            .iter()
            .enumerate()
            .filter_map(|(day, value)| value.map(|value| (x(day as f64), y(value))))
            .collect();
        let points = polyline(&known);
        let area = match (known.first(), known.last()) {
            (Some(first), Some(last)) => {
                format!(
                    "{:.1},{BOTTOM:.1} {points} {:.1},{BOTTOM:.1}",
                    first.0, last.0
                )
            }
            _ => String::new(),
        };
        let last = values
            .iter()
            .rev()
            .flatten()
            .next()
            .map_or_else(String::new, |value| format!("{value:.0}%"));
        Series {
            name: name.clone(),
            class: format!("s{}", index.min(5)),
            points,
            area,
            last,
        }
    });
    let plan = plan.map_or_else(String::new, |(start, end)| {
        let slope_at = |day: f64| {
            if end > start {
                (day - start) / (end - start) * 100.0
            } else {
                100.0
            }
        };
        let until = end.min(last_day);
        let mut points = vec![
            (x(start.max(0.0)), y(slope_at(start.max(0.0)))),
            (x(until), y(slope_at(until))),
        ];
        if until < last_day {
            points.push((x(last_day), y(100.0)));
        }
        polyline(&points)
    });
    let step = days.len().div_ceil(X_LABELS_MAX).max(1);
    Line {
        series: drawn.collect(),
        plan,
        y_ticks: [0_u8, 25, 50, 75, 100]
            .into_iter()
            .map(|value| Tick {
                at: y(f64::from(value)),
                label: format!("{value}%"),
            })
            .collect(),
        x_ticks: days
            .iter()
            .enumerate()
            .step_by(step)
            .map(|(day, label)| Tick {
                at: x(day as f64),
                label: label.get(5..).unwrap_or(label).to_owned(),
            })
            .collect(),
    }
}

/// The `points` of a sparkline of 100 × 24 units, for counts.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn spark(values: &[u64]) -> String {
    let most = values.iter().copied().max().unwrap_or(0).max(1) as f64;
    let last = values.len().saturating_sub(1).max(1) as f64;
    let points: Vec<(f64, f64)> = values
        .iter()
        .enumerate()
        .map(|(index, value)| {
            (
                index as f64 / last * 98.0 + 1.0,
                22.0 - *value as f64 / most * 20.0,
            )
        })
        .collect();
    polyline(&points)
}

fn polyline(points: &[(f64, f64)]) -> String {
    let mut text = String::new();
    for (x, y) in points {
        if !text.is_empty() {
            text.push(' ');
        }
        // Writing to a string cannot fail.
        let _written = write!(text, "{x:.1},{y:.1}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_fills_its_bar_and_leaves_empty_parts_out() {
        let bar = stack(&[("installed", 30), ("failed", 0), ("stale", 10)]);
        assert_eq!(bar.len(), 2);
        assert!((bar[1].x - 75.0).abs() < 1e-9 && (bar[1].x + bar[1].width - 100.0).abs() < 1e-9);
        assert!(stack(&[("installed", 0)]).is_empty());
    }

    #[test]
    fn heat_is_graded_against_the_most() {
        assert_eq!(
            [heat(0, 9), heat(1, 9), heat(9, 9), heat(3, 0)],
            ["h0", "h1", "h5", "h0"]
        );
        assert_eq!(heat(1, 1), "h2", "one device alone is not hot");
    }

    #[test]
    fn lines_stay_inside_the_drawing_whatever_the_values() {
        let days: Vec<String> = (1..=30).map(|day| format!("2024-08-{day:02}")).collect();
        let values = (0_u8..30)
            .map(|day| Some(f64::from(day) * 10.0 - 40.0))
            .collect();
        let chart = line(&days, &[("all".to_owned(), values)], Some((-3.0, 45.0)));
        for pair in chart.series[0]
            .points
            .split(' ')
            .chain(chart.plan.split(' '))
        {
            let (x, y) = pair.split_once(',').unwrap();
            assert!((LEFT..=RIGHT).contains(&x.parse().unwrap()), "{pair}");
            assert!((TOP..=BOTTOM).contains(&y.parse().unwrap()), "{pair}");
        }
        assert!(chart.x_ticks.len() <= X_LABELS_MAX);
        assert_eq!(line(&[], &[], None), Line::default());
        assert!(
            line(&days[..1], &[("all".to_owned(), vec![Some(5.0)])], None).series[0]
                .points
                .contains(',')
        );
    }
}
