//! What is kept of a section so that its end can say why it failed.

use std::collections::VecDeque;

use memchr::memchr_iter;
use patchlens_event::{Hresult, Level};

/// The longest text that is kept of a line.
const TEXT_BYTES_MAX: usize = 400;
/// How many published names are remembered: a device has some hundred driver packages of others.
const PUBLISHED_MAX: usize = 512;

/// Lines that say on which driver package Windows works from here on.
const FOCUS: [&str; 14] = [
    "{Stage Driver Package: ",
    "{Install Driver Package: ",
    "{Configure Driver Package: ",
    "{Publish Driver Package: ",
    "{Register Driver Package: ",
    "{Copy Driver Package: ",
    "{Core Driver Package Import: ",
    "{Setup Import Driver Package: ",
    "{Driver Setup Import Driver Package: ",
    "{Update Device Drivers: ",
    "Driver Package = ",
    "InfFile ",
    "INF path: ",
    "Installing best driver ",
];

#[derive(Debug, Clone, Default)]
pub(super) struct Failure {
    title: String,
    command: String,
    /// The driver package that is worked on.
    focus: String,
    /// The one that was worked on when the first error came, or that an error names.
    failed: String,
    names_failed: bool,
    /// The driver of the selected node: what the device was to get.
    selected: String,
    /// The node that is being described is the selected one.
    is_selected: bool,
    /// The first errors, as many as there is room for.
    error: String,
    error_line: u64,
    /// Published names and what they stand for, over the whole file.
    published: VecDeque<(String, String)>,
}

impl Failure {
    /// A section begins.
    pub(super) fn begin(&mut self, title: &str) {
        self.clear();
        self.title = cut(title);
    }

    /// Forgets the section; what is published stays.
    pub(super) fn clear(&mut self) {
        let published = std::mem::take(&mut self.published);
        *self = Self {
            published,
            ..Self::default()
        };
    }

    /// An entry of the section.
    pub(super) fn entry(&mut self, number: u64, level: Level, category: &str, message: &str) {
        if category == "cmd" && self.command.is_empty() {
            self.command = cut(message);
            return;
        }
        let is_error = level == Level::Error;
        if is_error {
            self.error(number, message);
        }
        if message.starts_with("Driver Node:") {
            self.is_selected = false;
        } else if message.starts_with("Status ") {
            self.is_selected = message.ends_with("Selected");
        }
        let Some(names) = Names::of(message) else {
            return;
        };
        if let Some(original) = names.original
            && let Some(published) = names.published
            && stands_for(message)
        {
            self.publish(published, original);
        }
        let Some(name) = names.original.or(names.published) else {
            return;
        };
        if level == Level::Error || level == Level::Warning && self.error.is_empty() {
            // A warning right before the first error belongs to it: what could not be read, found, …
            if is_error && !self.names_failed {
                name.clone_into(&mut self.failed);
                self.names_failed = true;
            } else if !is_error {
                name.clone_into(&mut self.focus);
            }
        } else if FOCUS.iter().any(|start| message.starts_with(start)) {
            name.clone_into(&mut self.focus);
            if message.starts_with("InfFile ") || message.starts_with("Installing best") {
                name.clone_into(&mut self.selected);
            }
        } else if message.starts_with("Driver INF ") && self.is_selected {
            name.clone_into(&mut self.selected);
        }
    }

    /// The section failed with this code: what its end says. `driver` is the setup file under the name
    /// that its maker gave it, and in brackets the one that it has on the device, where both are told.
    pub(super) fn end(&mut self, code: u32) -> Vec<(String, String)> {
        let of_title = Names::of(&self.title);
        let of_title = of_title.and_then(|names| names.original.or(names.published));
        let candidates = [
            self.failed.as_str(),
            self.selected.as_str(),
            of_title.unwrap_or_default(),
            self.focus.as_str(),
        ];
        let inf = candidates
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or_default()
            .to_ascii_lowercase();
        let (driver, published) = if is_published(&inf) {
            let known = self
                .published
                .iter()
                .rev()
                .find(|(published, _)| *published == inf);
            let original = known.map(|(_, original)| original.clone());
            (original.unwrap_or_else(|| inf.clone()), inf)
        } else {
            let known = self
                .published
                .iter()
                .rev()
                .find(|(_, original)| *original == inf);
            let published = known.map(|(published, _)| published.clone());
            (inf, published.unwrap_or_default())
        };
        let driver = if published.is_empty() || published == driver {
            driver
        } else {
            format!("{driver} ({published})")
        };
        let code = if code <= 0xFFFF {
            Hresult::from_win32(code)
        } else {
            Hresult(code)
        };
        let error_line = if self.error_line > 0 {
            self.error_line.to_string()
        } else {
            String::new()
        };
        let fields = [
            ("section", std::mem::take(&mut self.title)),
            ("command", std::mem::take(&mut self.command)),
            ("driver", driver),
            ("error_code", code.to_string()),
            ("error", std::mem::take(&mut self.error)),
            ("error_line", error_line),
        ];
        self.clear();
        fields
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    fn error(&mut self, number: u64, message: &str) {
        if self.error.is_empty() {
            self.error = cut(message);
            self.error_line = number;
            self.failed.clone_from(&self.focus);
        } else if self.error.len() + message.len() + 2 <= TEXT_BYTES_MAX {
            self.error.push_str("; ");
            self.error.push_str(message.trim());
        }
    }

    fn publish(&mut self, published: &str, original: &str) {
        let published = published.to_ascii_lowercase();
        self.published.retain(|(known, _)| *known != published);
        if self.published.len() >= PUBLISHED_MAX {
            self.published.pop_front();
        }
        self.published
            .push_back((published, original.to_ascii_lowercase()));
    }
}

/// Says that two names of a line stand for the same driver package.
fn stands_for(message: &str) -> bool {
    [
        "Published '",
        "Registered driver package '",
        "Driver INF ",
        "Driver package already imported as '",
    ]
    .iter()
    .any(|start| message.starts_with(start))
}

/// `oem12.inf`: the name that Windows gives on the device.
fn is_published(name: &str) -> bool {
    let digits = name
        .get(..3)
        .filter(|start| start.eq_ignore_ascii_case("oem"))
        .and_then(|_| name.get(3..name.len().saturating_sub(4)));
    digits.is_some_and(|digits| {
        (1..=5).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// The setup files that a line names.
struct Names<'a> {
    original: Option<&'a str>,
    published: Option<&'a str>,
}

impl<'a> Names<'a> {
    /// The last of each kind; `None` where the line names none.
    fn of(text: &'a str) -> Option<Self> {
        let mut names = Self {
            original: None,
            published: None,
        };
        for dot in memchr_iter(b'.', text.as_bytes()) {
            let Some(end) = text
                .get(dot + 1..dot + 4)
                .filter(|extension| extension.eq_ignore_ascii_case("inf"))
                .map(|_| dot + 4)
            else {
                continue;
            };
            let behind = text.get(end..).unwrap_or_default();
            // A folder of the component store is named after its setup file and more; in the driver
            // store the architecture follows.
            let is_component = behind.starts_with("_31bf3856");
            let ends = !behind.starts_with(|c: char| c.is_alphanumeric() || c == '.');
            if is_component || !ends {
                continue;
            }
            let name = name_before(text, dot).and_then(|start| text.get(start..end));
            match name {
                Some(name) if is_published(name) => names.published = Some(name),
                Some(name) => names.original = Some(name),
                None => {}
            }
        }
        (names.original.is_some() || names.published.is_some()).then_some(names)
    }
}

/// Where the name that ends before `dot` begins.
fn name_before(text: &str, dot: usize) -> Option<usize> {
    let before = text.get(..dot)?;
    let stop = before.rfind([
        '\\', '/', '\'', '"', '[', '(', ':', '=', '<', ',', '|', '*', '?',
    ]);
    let start = stop.map_or(0, |at| at + 1);
    let is_of_path = stop
        .is_some_and(|at| matches!(before.as_bytes().get(at), Some(b'\\' | b'/' | b'\'' | b'"')));
    // Only in a path or between quotes may a name have blanks.
    let start = match before.get(start..)?.rfind(' ') {
        Some(blank) if !is_of_path => start + blank + 1,
        _ => start,
    };
    (start < dot).then_some(start)
}

fn cut(text: &str) -> String {
    let text = text.trim();
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX))
        .unwrap_or(text)
        .to_owned()
}
