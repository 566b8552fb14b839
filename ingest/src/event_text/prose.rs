//! Records of which only the message was passed on, one a line, and what PowerShell prints as a table
//! or as an error of the app deployment.
//!
//! Windows translates its messages, and keeps their order: the update client states the code, a colon
//! and the title of the update; servicing the package, a colon and the code; the standalone installer
//! the code as a number, an empty text and its command line. Only a message without a failing code has
//! to be read by its words, and is read in English.

use super::{Stated, time};
use crate::inventory::Line;

const UPDATE_CLIENT: &str = "Microsoft-Windows-WindowsUpdateClient";
const SERVICING: &str = "Microsoft-Windows-Servicing";
const STANDALONE_INSTALLER: &str = "Microsoft-Windows-WUSA";
const APP_DEPLOYMENT: &str = "Microsoft-Windows-AppXDeployment-Server";
/// Of so many lines one has to belong to a record: a sentence of an event may stand in any text.
const LINES_PER_RECORD_MAX: usize = 4;
/// How many lines an error of the app deployment may have on the console.
const CONSOLE_LINES_MAX: usize = 12;
/// How many words a time may have: date, time, half of the day.
const TIME_WORDS_MAX: usize = 4;
/// "Absent", as the languages of Windows have it.
const ABSENT: [&str; 8] = [
    "absent",
    "nicht vorhanden",
    "ausente",
    "assente",
    "不存在",
    "なし",
    "отсутствует",
    "없음",
];

pub(super) fn recognise(lines: &[Line]) -> bool {
    let filled = lines.iter().filter(|line| !line.is_blank()).count();
    let covered: u64 = records(lines)
        .iter()
        .map(|record| record.continuations + 1)
        .sum();
    covered > 0
        && usize::try_from(covered).unwrap_or(usize::MAX) >= filled.div_ceil(LINES_PER_RECORD_MAX)
}

pub(super) fn records(lines: &[Line]) -> Vec<Stated> {
    let speaks_of_apps = lines
        .iter()
        .any(|line| line.text.to_ascii_lowercase().contains("appx"));
    let mut table: Option<Table> = None;
    let mut found: Vec<Stated> = Vec::new();
    let mut provider = "";
    let mut open_until = 0;
    for (at, line) in lines.iter().enumerate() {
        let text = line.text.trim();
        if let Some(name) = text.strip_prefix("ProviderName:") {
            provider = name.trim();
        } else if let Some(header) = Table::of(text, provider, speaks_of_apps) {
            table = Some(header);
        }
        let read = table
            .as_ref()
            .and_then(|table| table.row(text))
            .or_else(|| message(text))
            .or_else(|| speaks_of_apps.then(|| app_error(text)).flatten());
        if let Some(mut record) = read {
            record.line = at;
            open_until = at + CONSOLE_LINES_MAX;
            found.push(record);
        } else if let Some(record) = found.last_mut()
            && continues(record, line, at, open_until)
        {
            record.continuations = (at - record.line) as u64;
            record.text.push(' ');
            record.text.push_str(text);
        } else if !text.is_empty() {
            open_until = 0;
        }
    }
    found
}

/// A row of a table goes on below, where it is indented; an error of the console until PowerShell says
/// where it arose.
fn continues(record: &Stated, line: &Line, at: usize, open_until: usize) -> bool {
    if line.is_blank() || at >= open_until {
        return false;
    }
    let is_row = !record.time_text.is_empty();
    let is_place = line.text.trim_start().starts_with(['+', '~']);
    if is_row {
        line.text.starts_with("      ")
    } else {
        record.provider == APP_DEPLOYMENT && !is_place
    }
}

/// The header of what `Get-WinEvent` and `Get-AppxLog` print as a table.
struct Table {
    provider: String,
    has_level: bool,
}

impl Table {
    fn of(text: &str, provider: &str, speaks_of_apps: bool) -> Option<Self> {
        let names: Vec<String> = text
            .split_whitespace()
            .map(str::to_ascii_lowercase)
            .collect();
        let [first, second, rest @ ..] = names.as_slice() else {
            return None;
        };
        let begins = matches!(first.as_str(), "timecreated" | "time") && second == "id";
        let has_level = rest.first().is_some_and(|name| name == "leveldisplayname");
        let is_header = begins && rest.last().is_some_and(|name| name == "message");
        let provider = match provider {
            "" if speaks_of_apps => APP_DEPLOYMENT,
            other => other,
        };
        (is_header && !provider.is_empty()).then(|| Self {
            provider: provider.to_owned(),
            has_level,
        })
    }

    fn row(&self, text: &str) -> Option<Stated> {
        let mut rest = text;
        for words in 1..=TIME_WORDS_MAX {
            rest = rest.trim_start();
            rest = rest.get(rest.find(char::is_whitespace)?..)?;
            let when = text.get(..text.len() - rest.len())?;
            let behind = rest.trim_start();
            let (id, message) = behind.split_once(char::is_whitespace)?;
            let Ok(event_id) = id.parse::<u16>() else {
                continue;
            };
            if words < 2 || !time::is_time(when) {
                continue;
            }
            let message = message.trim_start();
            let (level, message) = if self.has_level {
                message
                    .split_once(char::is_whitespace)
                    .unwrap_or((message, ""))
            } else {
                ("", message)
            };
            let mut record = Stated {
                provider: self.provider.clone(),
                event_id: Some(u32::from(event_id)),
                level: level.to_owned(),
                time_text: when.to_owned(),
                text: message.trim().to_owned(),
                ..Stated::default()
            };
            if let Some(told) = self::message(message.trim())
                && told.provider == record.provider
                && told.event_id == record.event_id
            {
                record.fields = told.fields;
            }
            return Some(record);
        }
        None
    }
}

/// The message of one record.
fn message(text: &str) -> Option<Stated> {
    // The lines of logs say it in their own way.
    if text.contains("[HRESULT") || text.contains("hr:0x") {
        return None;
    }
    let (provider, event_id, fields) = update_client(text)
        .or_else(|| standalone_installer(text))
        .or_else(|| servicing(text))
        .or_else(|| client_error(text))?;
    let is_failure =
        matches!(event_id, 20 | 25) || fields.iter().any(|(name, _)| name == "ErrorCode");
    Some(Stated {
        provider: provider.to_owned(),
        event_id: Some(event_id),
        level: if is_failure { "error" } else { "information" }.to_owned(),
        fields,
        text: text.to_owned(),
        ..Stated::default()
    })
}

type Told = (&'static str, u32, Vec<(String, String)>);

fn fields<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// `…: … 0x80070643…: title`.
fn update_client(text: &str) -> Option<Told> {
    for (id, words) in [
        (19, "successfully installed the following update:"),
        (43, "has started installing the following update:"),
        (44, "has started downloading"),
    ] {
        if let Some((_, title)) = text.split_once(words) {
            return Some((
                UPDATE_CLIENT,
                id,
                fields([("updateTitle", sentence(title))]),
            ));
        }
    }
    let (before, code, behind) = failing_code(text)?;
    let (_, title) = behind.split_once([':', '：'])?;
    let title = sentence(title);
    let is_english = before.contains("failed to install the following update");
    let has_label = before.contains([':', '：']) && before.chars().any(char::is_alphabetic);
    (has_label && !title.is_empty() && (is_english || names_update(title))).then(|| {
        (
            UPDATE_CLIENT,
            20,
            fields([("errorCode", code), ("updateTitle", title)]),
        )
    })
}

/// `… KB5027222 … . …: 0x800f0922.`
fn servicing(text: &str) -> Option<Told> {
    let package = text
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '，' | '。' | '"'))
        .map(|word| word.trim_end_matches('.'))
        .find(|word| article(word).is_some_and(|article| article.len() == word.len()))
        .or_else(|| article(text))?;
    let between = |from: &str, to: &str| {
        let (_, behind) = text.split_once(from)?;
        behind.split_once(to).map(|(state, _)| state.trim())
    };
    if let Some(state) = between("successfully changed to the ", " state") {
        return Some((
            SERVICING,
            2,
            fields([
                ("PackageIdentifier", package),
                ("IntendedPackageState", state),
            ]),
        ));
    }
    if text.contains("Initiating changes for package")
        && let Some(initial) = between("Current state is ", ".")
        && let Some(target) = between("Target state is ", ".")
    {
        let told = fields([
            ("PackageIdentifier", package),
            ("InitialPackageState", initial),
            ("IntendedPackageState", target),
        ]);
        return Some((SERVICING, 1, told));
    }
    if text.contains("reboot is necessary before")
        && let Some(state) = between("changed to the ", " state")
    {
        return Some((
            SERVICING,
            4,
            fields([
                ("PackageIdentifier", package),
                ("IntendedPackageState", state),
            ]),
        ));
    }
    let (before, code, behind) = failing_code(text)?;
    let is_last = behind.trim_matches(['.', '。', ' ', '"', ')']).is_empty();
    let before = before.trim_end();
    // A sentence about the package, and a label before the code: a list of codes has neither.
    let (_, told) = before.split_once(package)?;
    if !is_last || !told.ends_with([':', '：']) || !told.contains(['.', '。']) {
        return None;
    }
    let lower = before.to_lowercase();
    let mut told = fields([("PackageIdentifier", package), ("ErrorCode", code)]);
    if ABSENT.iter().any(|word| lower.contains(word)) {
        told.extend(fields([("IntendedPackageState", "Absent")]));
    }
    Some((SERVICING, 3, told))
}

/// `… 2359302 "" (…: ""C:\Windows\system32\wusa.exe" "….msu" …")`.
fn standalone_installer(text: &str) -> Option<Told> {
    let (before, command) = text.split_once("\"\" (")?;
    let lower = command.to_ascii_lowercase();
    if !lower.contains("wusa.exe") || !lower.contains(".msu") {
        return None;
    }
    let number = before.trim_end().rsplit(char::is_whitespace).next()?;
    let code = number.strip_prefix("0x").map_or_else(
        || number.parse().ok(),
        |digits| u32::from_str_radix(digits, 16).ok(),
    )?;
    let code = format!("0x{code:08x}");
    Some((STANDALONE_INSTALLER, 3, fields([("ErrorCode", &code)])))
}

/// What `Add-AppxPackage` prints, in any language: `…HRESULT: 0x80073CF3, …`.
fn app_error(text: &str) -> Option<Stated> {
    let (before, code, _) = failing_code(text)?;
    before.trim_end().ends_with("HRESULT:").then(|| Stated {
        provider: APP_DEPLOYMENT.to_owned(),
        event_id: Some(404),
        level: "error".to_owned(),
        fields: fields([("ErrorCode", code)]),
        text: text.to_owned(),
        ..Stated::default()
    })
}

/// What a tool says that asks the update client through its interface: `…HRESULT: 0x8024402C`.
fn client_error(text: &str) -> Option<Told> {
    let (before, code, _) = failing_code(text)?;
    let is_of_client = code.to_ascii_lowercase().starts_with("0x8024");
    (is_of_client && before.trim_end().ends_with("HRESULT:"))
        .then(|| (UPDATE_CLIENT, 25, fields([("errorCode", code)])))
}

/// The first failing code with what stands before and behind it.
fn failing_code(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices("0x").find_map(|(at, _)| {
        let digits = text.get(at + 2..at + 10)?;
        let behind = text.get(at + 10..)?;
        let is_code = digits.bytes().all(|byte| byte.is_ascii_hexdigit())
            && digits.starts_with(['8', 'c', 'C'])
            && !behind.starts_with(|c: char| c.is_ascii_alphanumeric());
        is_code.then(|| {
            (
                text.get(..at).unwrap_or_default(),
                text.get(at..at + 10).unwrap_or_default(),
                behind,
            )
        })
    })
}

/// The number of an article in a text: `KB5034441`.
fn article(text: &str) -> Option<&str> {
    text.match_indices("KB").find_map(|(at, _)| {
        let digits = text
            .get(at + 2..)?
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count();
        (6..=7)
            .contains(&digits)
            .then(|| text.get(at..at + 2 + digits))
            .flatten()
    })
}

/// True for a title with an article, or with the number that the Store gives an app.
fn names_update(title: &str) -> bool {
    const PRODUCT_ID_LENGTH: usize = 12;
    let is_product = |word: &str| {
        word.split_once('-').is_some_and(|(id, name)| {
            id.len() == PRODUCT_ID_LENGTH
                && id.starts_with('9')
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
                && !name.is_empty()
        })
    };
    article(title).is_some() || title.split_whitespace().any(is_product)
}

/// A title without the stop behind it.
fn sentence(text: &str) -> &str {
    text.trim()
        .trim_end_matches(['.', '。', '"', '\''])
        .trim_end()
}
