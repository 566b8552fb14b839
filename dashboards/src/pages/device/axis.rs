//! What happened on one device, from all sources, on one time axis.
//!
//! A device's records come in bursts, days apart: hours without any are cut out of the axis and marked as a break, so
//! that an attempt of minutes still shows its steps. Above the axis each attempt has a row; each source has a lane of
//! marks.

use super::model::{Attempt, Event};
use crate::frame::Frame;

/// The drawing is 1400 units wide, about a pixel each on a wide screen; lanes are named at the left.
const WIDTH: f64 = 1400.0;
const LEFT: f64 = 150.0;
/// One attempt's row, and one source's lane.
const ROW: f64 = 30.0;
const LANE: f64 = 22.0;
/// The width of a label's character, generously.
const CHAR: f64 = 7.0;
/// An attempt of seconds in a span of weeks still shows.
const WIDTH_MIN: f64 = 4.0;
/// Older attempts are in the table only.
const BARS_MAX: usize = 14;
/// A longer silence is cut out.
const SILENCE_S: i64 = 6 * 3600;
/// What a silence takes instead.
const BREAK: f64 = 14.0;
/// Older bursts are in the list only.
const BURSTS_MAX: usize = 12;
/// Below this no time is written under a burst.
const LABEL_MIN: f64 = 92.0;

/// The drawing laid out.
#[derive(Debug, Default)]
pub(super) struct Axis {
    pub(super) bars: Vec<Bar>,
    pub(super) lanes: Vec<Lane>,
    /// Where the axis itself is.
    pub(super) base: f64,
    pub(super) height: f64,
    pub(super) ticks: Vec<Tick>,
    /// Middles of the silences.
    pub(super) breaks: Vec<f64>,
    /// Whether there is anything to draw.
    pub(super) ok: bool,
}

/// One attempt.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) class: &'static str,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) label: String,
    pub(super) title: String,
    /// Where the label above the bar starts, or ends when `at_end` is set.
    pub(super) text_x: f64,
    pub(super) at_end: bool,
}

/// The records of one source.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) y: f64,
    pub(super) marks: Vec<Mark>,
}

/// One record.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) class: &'static str,
    pub(super) x: f64,
    pub(super) title: String,
}

/// A time under the axis.
#[derive(Debug)]
pub(super) struct Tick {
    pub(super) x: f64,
    pub(super) label: String,
}

/// A burst of records between two silences, and its place on the axis.
#[derive(Debug, Clone, Copy)]
struct Burst {
    from: i64,
    to: i64,
    x: f64,
    width: f64,
}

/// Lays out the newest attempts, which come first in `attempts`, and the records.
#[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^52")]
pub(super) fn axis(f: &Frame, attempts: &[Attempt], events: &[Event]) -> Axis {
    let spans: Vec<(&Attempt, i64, i64)> = attempts
        .iter()
        .take(BARS_MAX)
        .rev()
        .filter_map(|attempt| {
            let start = attempt.started_s?;
            Some((attempt, start, attempt.ended_s.unwrap_or(start).max(start)))
        })
        .collect();
    let records: Vec<(&Event, i64)> = events
        .iter()
        .filter_map(|event| Some((event, crate::format::epoch(event.occurred_at.as_deref()?)?)))
        .collect();
    let times = spans
        .iter()
        .flat_map(|span| [span.1, span.2])
        .chain(records.iter().map(|record| record.1));
    let bursts = bursts(times.collect());
    // One moment alone needs no axis.
    let (Some(first), Some(last)) = (bursts.first(), bursts.last()) else {
        return Axis::default();
    };
    if first.from == last.to {
        return Axis::default();
    }
    let oldest = first.from;
    let bars: Vec<Bar> = spans
        .iter()
        .filter(|span| span.2 >= oldest)
        .map(|(attempt, start, end)| bar(f, attempt, place(&bursts, *start), place(&bursts, *end)))
        .collect();
    let (bars, rows) = pack(bars);
    let top = rows as f64 * ROW + 8.0;
    let mut lanes: Vec<Lane> = Vec::new();
    for (event, at) in records.iter().filter(|record| record.1 >= oldest) {
        let name = f.label("source", &event.source);
        let mark = Mark {
            class: event.class(),
            x: place(&bursts, *at),
            title: format!(
                "{} {}",
                crate::format::second(event.occurred_at.as_deref()),
                crate::format::short(&event.message, 160)
            ),
        };
        match lanes.iter_mut().find(|lane| lane.name == name) {
            Some(lane) => lane.marks.push(mark),
            None => lanes.push(Lane {
                name,
                y: 0.0,
                marks: vec![mark],
            }),
        }
    }
    for (row, lane) in lanes.iter_mut().enumerate() {
        lane.y = top + row as f64 * LANE;
        // The reader meets failures first where marks lie upon each other.
        lane.marks.sort_by_key(|mark| mark.class == "failed");
    }
    let base = top + lanes.len() as f64 * LANE + 4.0;
    Axis {
        ticks: ticks(&bursts),
        breaks: bursts
            .iter()
            .skip(1)
            .map(|burst| burst.x - BREAK / 2.0)
            .collect(),
        height: base + 20.0,
        base,
        bars,
        lanes,
        ok: true,
    }
}

fn bar(f: &Frame, attempt: &Attempt, start: f64, end: f64) -> Bar {
    let x = start.min(WIDTH - WIDTH_MIN);
    let width = (end - x).clamp(WIDTH_MIN, WIDTH - x);
    let at_end = x > WIDTH * 0.7;
    let label = format!(
        "{} {}",
        super::update(f, attempt.kb_article),
        f.label("outcome", &attempt.outcome)
    );
    let title = format!(
        "{label}, {}",
        crate::format::minute(attempt.started_at.as_deref())
    );
    Bar {
        class: attempt.outcome_class(),
        x,
        y: 0.0,
        width,
        label,
        title,
        text_x: if at_end { x + width } else { x },
        at_end,
    }
}

/// Puts each bar into the first row where it and its label touch no other; returns the number of rows too.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of rows and characters are far below 2^52"
)]
fn pack(mut bars: Vec<Bar>) -> (Vec<Bar>, usize) {
    let mut ends: Vec<f64> = Vec::new();
    for bar in &mut bars {
        let text = bar.label.chars().count() as f64 * CHAR + 12.0;
        let (from, to) = if bar.at_end {
            (bar.x.min(bar.text_x - text), bar.text_x)
        } else {
            (bar.x, (bar.x + bar.width).max(bar.text_x + text))
        };
        let row = ends.iter().position(|end| *end <= from);
        let row = row.unwrap_or_else(|| {
            ends.push(0.0);
            ends.len() - 1
        });
        if let Some(end) = ends.get_mut(row) {
            *end = to;
        }
        bar.y = row as f64 * ROW + 2.0;
    }
    (bars, ends.len())
}

/// The newest bursts, oldest first, laid side by side: a longer one is wider, but not in proportion.
#[expect(clippy::cast_precision_loss, reason = "seconds of a span")]
fn bursts(mut times: Vec<i64>) -> Vec<Burst> {
    times.sort_unstable();
    let mut bursts: Vec<Burst> = Vec::new();
    for at in times {
        match bursts.last_mut() {
            Some(burst) if at - burst.to <= SILENCE_S => burst.to = at,
            _ => bursts.push(Burst {
                from: at,
                to: at,
                x: 0.0,
                width: 0.0,
            }),
        }
    }
    let older = bursts.len().saturating_sub(BURSTS_MAX);
    let mut bursts = bursts.split_off(older);
    let weight = |burst: &Burst| ((burst.to - burst.from) as f64).sqrt().max(30.0);
    let total: f64 = bursts.iter().map(weight).sum();
    let room = WIDTH - LEFT - BREAK * (bursts.len().saturating_sub(1)) as f64;
    let mut x = LEFT;
    for burst in &mut bursts {
        burst.x = x;
        burst.width = room * weight(burst) / total;
        x += burst.width + BREAK;
    }
    bursts
}

/// Where a time is on the axis; what lies in a silence is at its nearer end, what is older than all bursts at the left.
#[expect(clippy::cast_precision_loss, reason = "seconds of a span")]
fn place(bursts: &[Burst], at: i64) -> f64 {
    let mut x = LEFT;
    for burst in bursts.iter().take_while(|burst| burst.from <= at) {
        let share = (at.min(burst.to) - burst.from) as f64 / (burst.to - burst.from).max(1) as f64;
        x = burst.x + burst.width * share;
    }
    x
}

fn ticks(bursts: &[Burst]) -> Vec<Tick> {
    let mut free_from = 0.0;
    let mut ticks = Vec::new();
    for burst in bursts {
        if burst.x < free_from || burst.x + LABEL_MIN > WIDTH {
            continue;
        }
        ticks.push(Tick {
            x: burst.x,
            label: crate::format::month_minute(burst.from),
        });
        free_from = burst.x + LABEL_MIN;
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(start: i64, end: Option<i64>) -> Attempt {
        Attempt {
            started_s: Some(start),
            ended_s: end,
            outcome: "failed".to_owned(),
            ..Attempt::default()
        }
    }

    fn event(at: &str, signal: &str) -> Event {
        Event {
            occurred_at: Some(at.to_owned()),
            source: "cbs_log".to_owned(),
            signal: signal.to_owned(),
            ..Event::default()
        }
    }

    #[test]
    fn everything_stays_on_the_axis() {
        let events = [
            event("2024-08-14 10:00:00.000000", "install_failed"),
            event("1970-01-02 00:00:00", ""),
            event("not a time", ""),
        ];
        let drawn = axis(
            &Frame::default(),
            &[
                attempt(1_723_626_000, None),
                attempt(1_723_622_400, Some(1_723_626_000)),
                attempt(9, Some(3)),
            ],
            &events,
        );
        assert!(drawn.ok && drawn.bars.len() == 3 && drawn.lanes.len() == 1);
        assert_eq!(drawn.lanes[0].marks.len(), 2);
        for bar in &drawn.bars {
            assert!(
                bar.x >= LEFT && bar.x + bar.width <= WIDTH + 1e-6 && bar.width >= WIDTH_MIN,
                "{bar:?}"
            );
        }
        for mark in &drawn.lanes[0].marks {
            assert!((LEFT..=WIDTH).contains(&mark.x), "{mark:?}");
        }
        assert!(!axis(&Frame::default(), &[Attempt::default()], &[]).ok);
        assert!(
            !axis(&Frame::default(), &[attempt(5, None)], &[]).ok,
            "one moment"
        );
    }

    #[test]
    fn bars_share_a_row_where_they_do_not_touch() {
        let day = 86_400;
        let attempts: Vec<Attempt> = (0..6)
            .rev()
            .map(|n| attempt(n * day, Some(n * day + 60)))
            .collect();
        let drawn = axis(&Frame::default(), &attempts, &[]);
        let rows: std::collections::BTreeSet<u64> =
            drawn.bars.iter().map(|bar| bar.y.to_bits()).collect();
        assert!(rows.len() < 3, "{:?}", drawn.bars);
        let same: Vec<Attempt> = (0..3).map(|_| attempt(0, Some(60))).collect();
        let drawn = axis(&Frame::default(), &same, &[]);
        assert!(drawn.bars[0].y < drawn.bars[1].y && drawn.bars[1].y < drawn.bars[2].y);
    }

    #[test]
    fn silence_is_cut_out_and_order_is_kept() {
        let day = 86_400;
        let laid = bursts(vec![0, 600, 5 * day, 5 * day + 600, 40 * day]);
        assert_eq!(laid.len(), 3);
        let places: Vec<f64> = [0, 600, day, 5 * day, 5 * day + 600, 40 * day]
            .into_iter()
            .map(|at| place(&laid, at))
            .collect();
        assert!(
            places.windows(2).all(|pair| pair[0] <= pair[1]),
            "{places:?}"
        );
        assert!(
            places[3] - places[1] < 2.0 * BREAK,
            "five days take no room"
        );
        let many = bursts((0..40).map(|n| n * day).collect());
        assert_eq!(many.len(), BURSTS_MAX);
        assert!(many[0].from == 28 * day, "the newest stay");
    }
}
