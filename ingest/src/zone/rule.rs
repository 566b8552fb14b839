//! The rule of a zone as Windows keeps it in `Control\TimeZoneInformation`.

use jiff::tz::TimeZone;

/// A POSIX TZ string, `<+01>-01:00<+02>-02:00,M3.5.0/02:00:00,M10.5.0/03:00:00`, from the values of that key.
///
/// `number` gives a value of type REG_DWORD, `bytes` one of type REG_BINARY. `None` when a value is missing, when
/// the change has a date of one year only, or when the rule is none that a clock could follow.
pub(crate) fn posix(
    number: impl Fn(&str) -> Option<i32>,
    bytes: impl Fn(&str) -> Option<Vec<u8>>,
) -> Option<String> {
    let bias = number("Bias")?;
    let standard = bias
        .checked_add(number("StandardBias").unwrap_or(0))?
        .checked_neg()?;
    let is_fixed = number("DynamicDaylightTimeDisabled").is_some_and(|flag| flag != 0)
        || number("DisableAutoDaylightTimeSet").is_some_and(|flag| flag != 0);
    let starts = Change::read(&bytes("DaylightStart")?)?;
    let ends = Change::read(&bytes("StandardStart")?)?;
    let text = match (starts.posix(), ends.posix(), is_fixed) {
        (Some(starts), Some(ends), false) => {
            let daylight = bias.checked_add(number("DaylightBias")?)?.checked_neg()?;
            format!("{}{},{starts},{ends}", offset(standard), offset(daylight))
        }
        _ => offset(standard),
    };
    TimeZone::posix(&text).is_ok().then_some(text)
}

/// Name and offset; POSIX counts offsets to the west.
fn offset(east_minutes: i32) -> String {
    let sign = if east_minutes < 0 { '-' } else { '+' };
    let posix = if east_minutes < 0 { '+' } else { '-' };
    let (hours, minutes) = (east_minutes.abs() / 60, east_minutes.abs() % 60);
    format!("<{sign}{hours:02}{minutes:02}>{posix}{hours:02}:{minutes:02}")
}

/// When the clocks change.
enum Change {
    Never,
    /// On the n-th weekday of a month, at a time of the day.
    Yearly {
        month: u16,
        week: u16,
        weekday: u16,
        time: [u16; 3],
    },
}

impl Change {
    /// Year, month, n-th, hour, minute, second, millisecond, weekday: the order of the kernel, not that of SYSTEMTIME.
    fn read(bytes: &[u8]) -> Option<Self> {
        let words: Vec<u16> = bytes
            .chunks_exact(2)
            .filter_map(|pair| pair.try_into().ok())
            .map(u16::from_le_bytes)
            .collect();
        let [year, month, week, hour, minute, second, _, weekday] = *words.as_slice() else {
            return None;
        };
        match (year, month) {
            (_, 0) => Some(Self::Never),
            (0, _) => Some(Self::Yearly {
                month,
                week,
                weekday,
                time: [hour, minute, second],
            }),
            _ => None,
        }
    }

    fn posix(&self) -> Option<String> {
        match self {
            Self::Never => None,
            Self::Yearly {
                month,
                week,
                weekday,
                time: [hour, minute, second],
            } => Some(format!(
                "M{month}.{week}.{weekday}/{hour:02}:{minute:02}:{second:02}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(bias: i32, starts: &[u16; 8], ends: &[u16; 8], disabled: i32) -> Option<String> {
        let bytes = |words: &[u16; 8]| words.iter().flat_map(|word| word.to_le_bytes()).collect();
        posix(
            |name| match name {
                "Bias" => Some(bias),
                "StandardBias" => Some(0),
                "DaylightBias" => Some(-60),
                "DynamicDaylightTimeDisabled" => Some(disabled),
                _ => None,
            },
            |name| match name {
                "DaylightStart" => Some(bytes(starts)),
                "StandardStart" => Some(bytes(ends)),
                _ => None,
            },
        )
    }

    #[test]
    fn rules_are_read_as_windows_writes_them() {
        let (last_march, last_october) = ([0, 3, 5, 2, 0, 0, 0, 0], [0, 10, 5, 3, 0, 0, 0, 0]);
        assert_eq!(
            rule(-60, &last_march, &last_october, 0).as_deref(),
            Some("<+0100>-01:00<+0200>-02:00,M3.5.0/02:00:00,M10.5.0/03:00:00")
        );
        assert_eq!(
            rule(-60, &last_march, &last_october, 1).as_deref(),
            Some("<+0100>-01:00")
        );
        assert_eq!(
            rule(
                210,
                &[0, 3, 2, 2, 0, 0, 0, 0],
                &[0, 11, 1, 2, 0, 0, 0, 0],
                0
            )
            .as_deref(),
            Some("<-0330>+03:30<-0230>+02:30,M3.2.0/02:00:00,M11.1.0/02:00:00")
        );
        assert_eq!(
            rule(-480, &[0; 8], &[0; 8], 0).as_deref(),
            Some("<+0800>-08:00")
        );
    }

    #[test]
    fn what_no_clock_could_follow_is_no_rule() {
        let fine = [0, 3, 5, 2, 0, 0, 0, 0];
        assert_eq!(rule(-60, &[0, 13, 5, 2, 0, 0, 0, 0], &fine, 0), None);
        assert_eq!(rule(-60, &[0, 3, 0, 2, 0, 0, 0, 0], &fine, 0), None);
        assert_eq!(rule(i32::MIN, &fine, &fine, 0), None);
        assert_eq!(rule(99_999, &fine, &fine, 0), None);
        // A date of one year only says nothing of the others.
        assert_eq!(rule(-60, &[2024, 3, 5, 2, 0, 0, 0, 0], &fine, 0), None);
    }
}
