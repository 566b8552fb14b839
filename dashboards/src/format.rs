//! How numbers, codes and times are spelled on the pages, the same in both languages.
//!
//! The functions borrow their numbers, because templates hand fields over by reference and results by value.

use std::borrow::Borrow;

use jiff::ToSpan;
use jiff::civil::Date;
use patchlens_queries::names::shortened;

/// What stands where there is nothing.
pub(crate) const NONE: &str = "–";

/// `1234567` → `1,234,567`.
pub(crate) fn number(value: impl Borrow<u64>) -> String {
    let digits = value.borrow().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `part` of `whole` as `68%`; a dash for an empty whole. Anything that is not all and not none stays between 1% and
/// 99%: a rollout with one device missing is not "100%".
pub(crate) fn share(part: impl Borrow<u64>, whole: impl Borrow<u64>) -> String {
    let (part, whole) = (*part.borrow(), *whole.borrow());
    if whole == 0 {
        return NONE.to_owned();
    }
    let percent = crate::chart::percent(part, whole).round();
    let shown = if part > 0 && part < whole {
        percent.clamp(1.0, 99.0)
    } else {
        percent
    };
    format!("{shown:.0}%")
}

/// A value from 0 to 1 in percent.
pub(crate) fn ratio(value: f64) -> String {
    format!("{:.0}%", value.clamp(0.0, 1.0) * 100.0)
}

/// A code as `0x80073712`; a dash without one.
pub(crate) fn code(value: impl Borrow<Option<u32>>) -> String {
    value
        .borrow()
        .map_or_else(|| NONE.to_owned(), |value| format!("0x{value:08x}"))
}

/// `KB5041580`; a dash without one.
pub(crate) fn kb(value: impl Borrow<Option<u32>>) -> String {
    value
        .borrow()
        .filter(|value| *value > 0)
        .map_or_else(|| NONE.to_owned(), |value| format!("KB{value}"))
}

/// A UTC time of the store, `2024-08-14 10:42:03.000000`, as `2024-08-14 10:42`; a dash without one.
pub(crate) fn minute(value: Option<&str>) -> String {
    cut(value, 16)
}

/// Like [`minute`], with seconds: for evidence, where order matters.
pub(crate) fn second(value: Option<&str>) -> String {
    cut(value, 19)
}

/// Like [`minute`], the day only.
pub(crate) fn day(value: Option<&str>) -> String {
    cut(value, 10)
}

/// A UTC time of the store in seconds since 1970; `None` for what is no time.
pub(crate) fn epoch(time: &str) -> Option<i64> {
    let civil: jiff::civil::DateTime = time.trim_end_matches('Z').parse().ok()?;
    Some(
        civil
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp()
            .as_second(),
    )
}

/// Seconds since 1970 as `08-14 10:42`.
pub(crate) fn month_minute(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| NONE.to_owned(),
        |time| time.strftime("%m-%d %H:%M").to_string(),
    )
}

/// The days from one time to another, both included, as `2024-08-14`; empty unless both are there and in order.
pub(crate) fn days(from: Option<&str>, to: Option<&str>, most: usize) -> Vec<String> {
    let date = |time: Option<&str>| time?.get(..10)?.parse::<Date>().ok();
    let (Some(first), Some(last)) = (date(from), date(to)) else {
        return Vec::new();
    };
    first
        .series(1.day())
        .take_while(|day| *day <= last)
        .take(most)
        .map(|day| day.to_string())
        .collect()
}

/// Hours as `45 min`, `7 h` or `3.2 d`.
pub(crate) fn hours(value: impl Borrow<Option<f64>>) -> String {
    match *value.borrow() {
        Some(hours) if !hours.is_finite() || hours < 0.0 => NONE.to_owned(),
        None => NONE.to_owned(),
        Some(hours) if hours < 1.0 => format!("{:.0} min", hours * 60.0),
        Some(hours) if hours < 48.0 => format!("{hours:.0} h"),
        Some(hours) => format!("{:.1} d", hours / 24.0),
    }
}

/// Seconds as `0.4 s`, `12 s`, `45 min`, `7 h` or `3.2 d`.
pub(crate) fn seconds(value: impl Borrow<Option<f64>>) -> String {
    match *value.borrow() {
        Some(seconds) if (0.0..10.0).contains(&seconds) => format!("{seconds:.1} s"),
        Some(seconds) if (10.0..60.0).contains(&seconds) => format!("{seconds:.0} s"),
        other => hours(other.map(|seconds| seconds / 3600.0)),
    }
}

/// A probability as `0.003`, or `<0.001`.
pub(crate) fn chance(p: f64) -> String {
    if p < 0.001 {
        "<0.001".to_owned()
    } else {
        format!("{p:.3}")
    }
}

/// A name of the data, or a dash when it is empty.
pub(crate) fn name(value: &str) -> &str {
    if value.trim().is_empty() { NONE } else { value }
}

/// A name cut to what a cell can hold, on a character boundary; the whole name belongs into a `title`.
pub(crate) fn short(value: impl AsRef<str>, most: usize) -> String {
    let value = value.as_ref();
    if value.chars().count() <= most {
        return name(value).to_owned();
    }
    let mut text: String = value.chars().take(most).collect();
    text.push('…');
    text
}

/// What is at fault, cut to what a cell can hold, or a dash when nothing is named.
pub(crate) fn culprit(value: impl AsRef<str>, most: usize) -> String {
    name(&shortened(value.as_ref(), most)).to_owned()
}

fn cut(value: Option<&str>, length: usize) -> String {
    value
        .filter(|value| !value.starts_with("1970-01-01"))
        .map_or_else(
            || NONE.to_owned(),
            |value| value.replace('T', " ").chars().take(length).collect(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        assert_eq!(
            [number(0), number(999), number(1000), number(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [
                share(0, 0),
                share(0, 9),
                share(999, 1000),
                share(1, 1000),
                share(9, 9)
            ],
            [NONE, "0%", "99%", "1%", "100%"]
        );
        assert_eq!(epoch("2024-08-14 10:42:03.000000"), Some(1_723_632_123));
        assert_eq!(epoch("yesterday"), None);
        assert_eq!(month_minute(1_723_632_123), "08-14 10:42");
        assert_eq!(code(Some(0x8007_3712)), "0x80073712");
        assert_eq!(
            [kb(Some(5_041_580)), kb(Some(0)), kb(None)],
            ["KB5041580", NONE, NONE]
        );
        assert_eq!(
            minute(Some("2024-08-14 10:42:03.000000")),
            "2024-08-14 10:42"
        );
        assert_eq!(
            [
                hours(Some(0.75)),
                hours(Some(7.2)),
                hours(Some(76.8)),
                hours(None)
            ],
            ["45 min", "7 h", "3.2 d", NONE]
        );
        assert_eq!(
            [
                seconds(Some(0.42)),
                seconds(Some(12.0)),
                seconds(Some(3600.0)),
                seconds(Some(-5.0))
            ],
            ["0.4 s", "12 s", "1 h", NONE]
        );
        assert_eq!(short("库存库存库存", 3), "库存库…");
        assert_eq!(name("  "), NONE);
        assert_eq!(
            days(Some("2024-02-28 23:59:59"), Some("2024-03-01 00:00:00"), 9),
            ["2024-02-28", "2024-02-29", "2024-03-01"]
        );
        assert!(
            days(Some("2024-03-01"), Some("2024-02-28"), 9).is_empty()
                && days(None, Some("x"), 9).is_empty()
        );
    }
}
