//! What the names of files and folders say about the device that they are of.
//!
//! `PC01_CBS.log`, `PC01/CBS.log` and `CBS-PC01-2024-08-20.log` are of PC01: beside them stands the
//! same log of another. A name alone proves nothing, so words, dates, numbers of updates and
//! versions are no devices.

#[cfg(test)]
mod tests;

/// Longest name of a device.
const LABEL_CHARS_MAX: usize = 63;
/// How many ways to read one file's name are tried.
const READINGS_MAX: usize = 16;

/// Words that say when, what or how often something was collected, or what log it is.
const WORDS: &[&str] = &[
    "A",
    "AFTER",
    "ALL",
    "AMD",
    "APPLICATION",
    "ARCHIVE",
    "ARM",
    "ATTEMPT",
    "B",
    "BACKUP",
    "BAD",
    "BAK",
    "BATCH",
    "BEFORE",
    "BOOT",
    "BRANCH",
    "BUILD",
    "BUNDLE",
    "C",
    "CAB",
    "CASE",
    "CBS",
    "CBSPERSIST",
    "COLLECT",
    "COLLECTED",
    "COLLECTION",
    "COPY",
    "CSV",
    "CU",
    "D",
    "DATA",
    "DAY",
    "DEVICE",
    "DEVICES",
    "DIAG",
    "DISK",
    "DISM",
    "DRIVE",
    "DUMP",
    "E",
    "ERROR",
    "EVENT",
    "EVENTLOG",
    "EVENTS",
    "EVTX",
    "EXPORT",
    "FAIL",
    "FAILED",
    "FILE",
    "FILES",
    "FINAL",
    "FIRST",
    "FIX",
    "FIXED",
    "FOLDER",
    "FORWARDEDEVENTS",
    "GOOD",
    "GROUP",
    "HASH",
    "HOTFIX",
    "HOTFIXES",
    "INC",
    "INFO",
    "INPUT",
    "ISSUE",
    "JSON",
    "KB",
    "LAST",
    "LATEST",
    "LCU",
    "LOG",
    "LOGFILE",
    "LOGS",
    "MEMORY",
    "MONTH",
    "MSI",
    "NEW",
    "NEWOS",
    "NUMBER",
    "OK",
    "OLD",
    "ORIGINAL",
    "OUT",
    "OUTPUT",
    "PACKAGE",
    "PACKAGES",
    "PANTHER",
    "PART",
    "PARTITION",
    "PASS",
    "PATCH",
    "PHASE",
    "PREVIOUS",
    "PROBLEM",
    "PROCMON",
    "QFE",
    "R",
    "RAW",
    "REBOOT",
    "REPORT",
    "REPORTINGEVENTS",
    "RERUN",
    "RESULT",
    "RESULTS",
    "RETRY",
    "ROLLBACK",
    "ROUND",
    "RUN",
    "SAMPLE",
    "SECOND",
    "SECURITY",
    "SERVER",
    "SERVICES",
    "SESSION",
    "SETUP",
    "SETUPACT",
    "SETUPAPI",
    "SETUPDIAG",
    "SETUPDIAGRESULTS",
    "SETUPERR",
    "SHARE",
    "SITE",
    "SMSTS",
    "SP",
    "SR",
    "SSU",
    "STAGE",
    "STEP",
    "SYSTEM",
    "SYSTEMINFO",
    "TASK",
    "TEMP",
    "TEST",
    "TICKET",
    "TMP",
    "TRACE",
    "TRY",
    "UPDATE",
    "UPDATESDEPLOYMENT",
    "USER",
    "V",
    "VER",
    "VERSION",
    "VOLUME",
    "WEEK",
    "WIN",
    "WINDOWS",
    "WINDOWSUPDATE",
    "WINSXS",
    "WORKING",
    "WU",
    "WUAHANDLER",
    "X",
    "XML",
    "ZIP",
];

/// One way to read the path of a file: which device, in upper case, and what it is of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reading {
    pub(super) label: String,
    pub(super) kind: String,
}

/// All ways to read a path.
pub(super) fn readings(path: &str) -> Vec<Reading> {
    let mut components: Vec<&str> = path.split('/').collect();
    let file = components.pop().unwrap_or_default();
    let (stem, extension) = file.rsplit_once('.').unwrap_or((file, ""));
    let stem = undated(stem);
    let mut readings: Vec<Reading> = components
        .into_iter()
        .map(|folder| undated(without_archive(folder)))
        .filter(|folder| is_like_a_computer(folder))
        .map(|folder| Reading {
            label: folder.to_uppercase(),
            kind: format!("/{}.{extension}", stem.to_uppercase()),
        })
        .collect();
    if is_like_a_computer(&stem) {
        // Only beside names of the same make: much else has a number at its end.
        let make = stem.split(|c: char| c.is_ascii_digit()).next();
        readings.push(Reading {
            label: stem.to_uppercase(),
            kind: format!("={}.{extension}", make.unwrap_or_default().to_uppercase()),
        });
    }
    let splits = stem.match_indices(is_separator);
    let halves = splits.map(|(at, separator)| {
        let (head, rest) = stem.split_at(at);
        (head, rest.strip_prefix(separator).unwrap_or(rest))
    });
    readings.extend(
        halves
            .flat_map(|(head, tail)| [(head, tail), (tail, head)])
            .filter(|(label, _)| is_like_a_computer(label))
            .map(|(label, kind)| Reading {
                label: label.to_uppercase(),
                kind: format!("{}.{extension}", trimmed(kind).to_uppercase()),
            }),
    );
    readings.truncate(READINGS_MAX);
    readings
}

/// The first folder, or the first word of a file's name, with what stands behind it: where several
/// stand before the same, they may be devices.
pub(super) fn beginning(path: &str) -> Option<(&str, &str)> {
    let (first, rest) = path
        .split_once('/')
        .or_else(|| path.split_once(is_separator))?;
    let is_told = !first.is_empty() && !rest.is_empty() && !is_word_or_number(first);
    is_told.then_some((first, rest))
}

/// Where in a path a device's name stands as a word of its own, and how long it is: the further
/// behind and the longer, the more it says.
pub(super) fn place_of(label: &str, upper_path: &str) -> Option<(usize, usize)> {
    let is_word = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
    upper_path
        .rmatch_indices(label)
        .find(|(at, _)| {
            let (before, after) = upper_path.split_at(*at);
            let after = after.get(label.len()..).unwrap_or_default();
            is_word(before.chars().next_back()) && is_word(after.chars().next())
        })
        .map(|(at, _)| {
            let component = upper_path.get(..at).unwrap_or_default();
            (component.matches('/').count(), label.len())
        })
}

/// The name of a folder or archive as the name of a device: without what says when it was collected
/// and that it holds logs. As it is where nothing like a device's name would be left.
pub(super) fn device_name(name: &str) -> String {
    let mut left = undated(name);
    if is_like_a_computer(&left) {
        return left;
    }
    loop {
        let word = |c: char| is_separator(c);
        let shorter = match (left.split_once(word), left.rsplit_once(word)) {
            (_, Some((head, last))) if is_word(last) => head.to_owned(),
            (Some((first, tail)), _) if is_word(first) => tail.to_owned(),
            _ => break,
        };
        trimmed(&shorter).clone_into(&mut left);
    }
    let is_same = left.len() == name.len();
    if !is_same && is_like_a_computer(&left) {
        left
    } else {
        name.to_owned()
    }
}

fn without_archive(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension))
            if ["zip", "cab", "gz", "tgz", "tar"]
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known)) =>
        {
            stem.strip_suffix(".tar").unwrap_or(stem)
        }
        _ => name,
    }
}

fn is_separator(c: char) -> bool {
    matches!(
        c,
        '_' | '-' | ' ' | '.' | '@' | '(' | ')' | '[' | ']' | '+' | '#' | ',' | '='
    )
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(is_separator)
}

/// A word of the list, with or without a number behind it; a number alone may be a part of a name.
fn is_word(token: &str) -> bool {
    !token.chars().all(|c| c.is_ascii_digit()) && is_word_or_number(token)
}

/// A word of the list, with or without a number behind it; a number; a version.
fn is_word_or_number(token: &str) -> bool {
    let letters = token.trim_end_matches(|c: char| c.is_ascii_digit());
    let upper = letters.to_uppercase();
    letters.is_empty()
        || WORDS.binary_search(&upper.as_str()).is_ok()
        // 22H2, 21h1
        || (token.len() == 4 && upper.trim_start_matches(|c: char| c.is_ascii_digit()) == "H")
}

/// Whether a name may be a computer's: letters and digits, no word of the list among them, and a
/// number that tells it from its like.
fn is_like_a_computer(name: &str) -> bool {
    let chars = name.chars().count();
    let is_well_formed = (2..=LABEL_CHARS_MAX).contains(&chars)
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        && !name.starts_with(['-', '_'])
        && !name.ends_with(['-', '_']);
    let has_letter = name.chars().any(char::is_alphabetic);
    let has_number = name.chars().any(char::is_numeric);
    let has_word = name
        .split(['-', '_'])
        .any(|token| !token.chars().all(|c| c.is_ascii_digit()) && is_word_or_number(token));
    is_well_formed && has_letter && has_number && !has_word && !is_id(name)
}

/// A SID, or a GUID or hash: what Windows makes up.
fn is_id(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let digits = upper.bytes().filter(u8::is_ascii_hexdigit).count();
    upper.starts_with("S-1-") || (digits >= 16 && digits + 4 >= upper.len())
}

/// A name without the dates and times of day in it.
fn undated(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut kept = String::with_capacity(name.len());
    let mut at = 0;
    let mut was_dated = false;
    while let Some(c) = chars.get(at) {
        let starts = at == 0
            || chars
                .get(at - 1)
                .is_some_and(|c| is_separator(*c) || *c == 'T');
        let bytes = if starts {
            dated(chars.get(at..).unwrap_or_default(), was_dated)
        } else {
            0
        };
        if bytes > 0 {
            was_dated = true;
            at += bytes;
            // 2024-08-20T103000Z
            if matches!(chars.get(at), Some('T' | 't' | 'Z' | 'z')) {
                at += 1;
            }
        } else {
            kept.push(*c);
            at += 1;
        }
    }
    let kept = trimmed(&kept);
    if kept.is_empty() || kept.len() == name.len() {
        return name.to_owned();
    }
    // What stood on both sides of a date is one name's parts.
    let mut joined = String::with_capacity(kept.len());
    for c in kept.chars() {
        let doubled = is_separator(c) && joined.chars().next_back().is_some_and(is_separator);
        if !doubled {
            joined.push(c);
        }
    }
    joined
}

/// How many characters at the start are a date, or behind a date a time of day.
fn dated(chars: &[char], is_behind_date: bool) -> usize {
    let digits = chars.iter().take_while(|c| c.is_ascii_digit()).count();
    let ends = |count: usize| {
        !chars
            .get(count)
            .is_some_and(|c| c.is_alphanumeric() && !matches!(c, 'T' | 't' | 'Z' | 'z'))
    };
    let number = |from: usize, count: usize| {
        let text: String = chars.iter().skip(from).take(count).collect();
        text.parse::<u32>().unwrap_or(u32::MAX)
    };
    let is_date = |year, month, day| {
        (1990..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
    };
    if matches!(digits, 8 | 12 | 14)
        && is_date(number(0, 4), number(4, 2), number(6, 2))
        && ends(digits)
    {
        return digits;
    }
    if is_behind_date && matches!(digits, 2 | 4 | 6) && ends(digits) {
        return digits;
    }
    // 2024-08-20, 2024.8.20
    let parts: Vec<usize> = [4, 2, 2]
        .iter()
        .scan(0, |at, most| {
            let from = *at;
            let rest = chars.get(from..).unwrap_or_default();
            let count = rest
                .iter()
                .take(*most)
                .take_while(|c| c.is_ascii_digit())
                .count();
            *at = from + count + 1;
            (count > 0).then_some(from)
        })
        .collect();
    let [year, month, day] = parts.as_slice() else {
        return 0;
    };
    let separated = |at: usize| chars.get(at - 1).is_some_and(|c| is_separator(*c));
    let day_digits = chars
        .iter()
        .skip(*day)
        .take(2)
        .take_while(|c| c.is_ascii_digit())
        .count();
    let end = day + day_digits;
    let is_whole = month - year == 5 && separated(*month) && separated(*day) && ends(end);
    let is_valid = is_date(
        number(0, 4),
        number(*month, day - month - 1),
        number(*day, day_digits),
    );
    if is_whole && is_valid { end } else { 0 }
}
