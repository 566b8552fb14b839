//! The attempts of one device as bars on one time axis.

use super::model::Attempt;
use crate::frame::Frame;

/// The drawing is 1400 units wide: about a pixel each on a wide screen.
const WIDTH: f64 = 1400.0;
/// One attempt's row.
const ROW: f64 = 30.0;
/// An attempt of seconds in a span of weeks still shows.
const WIDTH_MIN: f64 = 4.0;
/// Older attempts are in the table only.
const BARS_MAX: usize = 14;

/// The bars laid out.
#[derive(Debug, Default)]
pub(super) struct Axis {
    pub(super) bars: Vec<Bar>,
    pub(super) height: f64,
    pub(super) from: String,
    pub(super) to: String,
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

/// Lays out the newest attempts, which come first in `attempts`; they are drawn oldest first.
#[expect(
    clippy::cast_precision_loss,
    reason = "seconds since 1970 and a row count are far below 2^52"
)]
pub(super) fn axis(f: &Frame, attempts: &[Attempt]) -> Axis {
    let spans: Vec<(&Attempt, i64, i64)> = attempts
        .iter()
        .take(BARS_MAX)
        .rev()
        .filter_map(|attempt| {
            let start = attempt.started_s?;
            Some((attempt, start, attempt.ended_s.unwrap_or(start).max(start)))
        })
        .collect();
    let (Some(from), Some(to)) = (
        spans.iter().map(|span| span.1).min(),
        spans.iter().map(|span| span.2).max(),
    ) else {
        return Axis::default();
    };
    // One attempt alone needs no axis.
    if spans.len() < 2 {
        return Axis::default();
    }
    let scale = WIDTH / (to - from).max(1) as f64;
    let bars: Vec<Bar> = spans
        .iter()
        .enumerate()
        .map(|(row, (attempt, start, end))| {
            let x = ((start - from) as f64 * scale).min(WIDTH - WIDTH_MIN);
            let width = ((end - start) as f64 * scale).clamp(WIDTH_MIN, WIDTH - x);
            let at_end = x > WIDTH * 0.7;
            let label = format!(
                "{} {}",
                crate::format::kb(attempt.kb_article),
                f.label("outcome", &attempt.outcome)
            );
            let title = format!(
                "{label}, {}",
                crate::format::minute(attempt.started_at.as_deref())
            );
            let text_x = if at_end { x + width } else { x };
            Bar {
                class: attempt.outcome_class(),
                x,
                y: row as f64 * ROW + 2.0,
                width,
                label,
                title,
                text_x,
                at_end,
            }
        })
        .collect();
    let time =
        |pick: fn(&Attempt) -> &Option<String>, at: i64, seconds: fn(&Attempt) -> Option<i64>| {
            let found = spans
                .iter()
                .find(|(attempt, ..)| seconds(attempt) == Some(at));
            crate::format::minute(found.and_then(|(attempt, ..)| pick(attempt).as_deref()))
        };
    let last = spans
        .iter()
        .find(|(attempt, ..)| attempt.ended_s == Some(to));
    let to_label = match last {
        Some(_) => time(|attempt| &attempt.ended_at, to, |attempt| attempt.ended_s),
        None => time(
            |attempt| &attempt.started_at,
            to,
            |attempt| attempt.started_s,
        ),
    };
    Axis {
        height: bars.len() as f64 * ROW + 26.0,
        from: time(
            |attempt| &attempt.started_at,
            from,
            |attempt| attempt.started_s,
        ),
        to: to_label,
        ok: true,
        bars,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stay_on_the_axis() {
        let attempt = |start, end| Attempt {
            started_s: Some(start),
            ended_s: end,
            outcome: "failed".to_owned(),
            ..Attempt::default()
        };
        let drawn = axis(
            &Frame::default(),
            &[
                attempt(2_000_000, None),
                attempt(5, Some(9)),
                attempt(7, Some(3)),
            ],
        );
        assert!(drawn.ok && drawn.bars.len() == 3);
        for bar in &drawn.bars {
            assert!(
                bar.x >= 0.0 && bar.x + bar.width <= WIDTH + 1e-6 && bar.width >= WIDTH_MIN,
                "{bar:?}"
            );
        }
        assert!(!axis(&Frame::default(), &[Attempt::default()]).ok);
    }
}
