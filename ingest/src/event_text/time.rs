//! Dates and times as Windows prints them for people, in the order of any locale.

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::LoggedTime;

/// In which order day and month stand where the year comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    DayFirst,
    MonthFirst,
}

/// Marks of the afternoon and of the morning, in lower case.
const AFTERNOON: [&str; 6] = ["pm", "p.m", "下午", "午後", "오후", "μμ"];
const MORNING: [&str; 6] = ["am", "a.m", "上午", "午前", "오전", "πμ"];

impl Order {
    /// Decides for the dates of one file.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut is_twelve_hour = false;
        let mut is_dotted = false;
        for text in texts {
            let numbers = numbers(text);
            let [first, second, third, ..] = numbers.as_slice() else {
                continue;
            };
            if first.1 == 4 || third.1 != 4 {
                continue;
            }
            if first.0 > 12 {
                return Self::DayFirst;
            }
            if second.0 > 12 {
                return Self::MonthFirst;
            }
            is_twelve_hour |= half_of(text).is_some();
            is_dotted |= text.contains('.');
        }
        // The clock of twelve hours is that of the United States.
        if is_twelve_hour && !is_dotted {
            Self::MonthFirst
        } else {
            Self::DayFirst
        }
    }
}

/// Reads a time; `None` when it is none.
pub(super) fn read(text: &str, order: Order) -> Option<LoggedTime> {
    let text = text.trim();
    if text.ends_with('Z')
        && let Ok(at) = text.parse::<Timestamp>()
    {
        return Some(LoggedTime::Utc(at));
    }
    let numbers = numbers(text);
    let [first, second, third, hour, minute, rest @ ..] = numbers.as_slice() else {
        return None;
    };
    let (year, month, day) = match (first.1, order) {
        (4, _) => (first.0, second.0, third.0),
        (_, Order::DayFirst) => (third.0, second.0, first.0),
        (_, Order::MonthFirst) => (third.0, first.0, second.0),
    };
    let hour = match half_of(text) {
        Some(is_afternoon) => hour.0 % 12 + if is_afternoon { 12 } else { 0 },
        None => hour.0,
    };
    let (second, fraction) = (rest.first().map_or(0, |second| second.0), rest.get(1));
    let nanoseconds = fraction.map_or(0, |(value, digits)| {
        let scale = 9_u32.saturating_sub(u32::try_from(*digits).unwrap_or(9));
        value.saturating_mul(10_i64.saturating_pow(scale))
    });
    let small = |number: i64| i8::try_from(number).ok();
    DateTime::new(
        i16::try_from(year).ok()?,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute.0)?,
        small(second)?,
        i32::try_from(nanoseconds).unwrap_or(0).min(999_999_999),
    )
    .ok()
    .map(LoggedTime::Local)
}

/// True when a text is a date with a time of day, and nothing else.
pub(super) fn is_time(text: &str) -> bool {
    text.len() <= 48
        && numbers(text).len() >= 5
        && (read(text, Order::DayFirst).is_some() || read(text, Order::MonthFirst).is_some())
}

/// The numbers of a text, each with how many digits it has.
fn numbers(text: &str) -> Vec<(i64, usize)> {
    text.split(|c: char| !c.is_ascii_digit())
        .filter(|digits| (1..=9).contains(&digits.len()))
        .filter_map(|digits| Some((digits.parse().ok()?, digits.len())))
        .collect()
}

/// Whether a clock of twelve hours says that it is afternoon.
fn half_of(text: &str) -> Option<bool> {
    let text = text.to_lowercase();
    if AFTERNOON.iter().any(|mark| text.contains(mark)) {
        return Some(true);
    }
    MORNING
        .iter()
        .any(|mark| text.contains(mark))
        .then_some(false)
}
