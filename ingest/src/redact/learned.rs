//! Names that profile paths tell of: whoever owns a profile is named elsewhere without a path.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use encoding_rs::UTF_16LE;
use memchr::memmem::Finder;

use super::candidate;

/// How many names of one file are learned: bounds memory and time on hostile files.
pub(super) const NAMES_MAX: usize = 256;
/// How many places of a file's bytes are looked at for names.
const PLACES_MAX: usize = 20_000;
/// Longest name in characters.
const NAME_CHARS_MAX: usize = 64;
/// How much before and behind the place where a profile folder ends is looked at.
const AROUND_BYTES: (usize, usize) = (48, 256);

/// The end of `\Users\`, whatever the case of its first letter.
static IN_TEXT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"sers\\"));
/// The same in UTF-16, of either byte order where the name is ASCII.
static IN_WIDE_TEXT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"s\0e\0r\0s\0\\\0"));

/// Account names that are words of any log: they go where they stand in a path, and nowhere else.
const WORDS: [&str; 64] = [
    "admin",
    "agent",
    "all",
    "app",
    "apps",
    "application",
    "audit",
    "backup",
    "build",
    "cache",
    "client",
    "code",
    "common",
    "component",
    "computer",
    "config",
    "data",
    "desktop",
    "device",
    "disk",
    "driver",
    "drivers",
    "error",
    "failed",
    "file",
    "files",
    "group",
    "home",
    "host",
    "image",
    "info",
    "install",
    "installer",
    "local",
    "log",
    "logs",
    "manager",
    "microsoft",
    "name",
    "network",
    "office",
    "online",
    "operator",
    "owner",
    "package",
    "policy",
    "process",
    "profile",
    "program",
    "root",
    "scan",
    "server",
    "service",
    "session",
    "setup",
    "shared",
    "software",
    "start",
    "state",
    "test",
    "update",
    "user",
    "users",
    "windows",
];

/// The names that one file told of so far.
#[derive(Debug, Default, Clone)]
pub(crate) struct Learned {
    names: BTreeSet<String>,
    finder: Option<AhoCorasick>,
}

impl Learned {
    /// Learns the owners of the profiles in a text.
    pub(crate) fn learn(&mut self, text: &str) {
        // Most texts are left here.
        if IN_TEXT.find(text.as_bytes()).is_some() {
            let mut names = Vec::new();
            owners(text, &mut |name| names.push(name.to_owned()));
            self.add(names);
        }
    }

    /// Learns names.
    pub(crate) fn add(&mut self, names: impl IntoIterator<Item = String>) {
        let before = self.names.len();
        for name in names {
            if self.names.len() < NAMES_MAX {
                self.names.insert(name);
            }
        }
        if self.names.len() > before {
            self.finder = candidate::finder(self.names.iter().map(String::as_str))
                .ok()
                .flatten();
        }
    }

    /// The names.
    pub(crate) fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    pub(super) fn finder(&self) -> Option<&AhoCorasick> {
        self.finder.as_ref()
    }
}

/// Learns the owners of profiles from a piece of a file in UTF-8, UTF-16 or a mixture, an event log
/// included.
pub(crate) fn owners_in(bytes: &[u8], names: &mut BTreeSet<String>) {
    let mut learn = |text: &str| {
        owners(text, &mut |name| {
            if names.len() < NAMES_MAX && !name.contains(char::REPLACEMENT_CHARACTER) {
                names.insert(name.to_owned());
            }
        });
    };
    let (before, behind) = AROUND_BYTES;
    for at in IN_TEXT.find_iter(bytes).take(PLACES_MAX) {
        let around = at.saturating_sub(before)..bytes.len().min(at + behind);
        let around = bytes.get(around).unwrap_or_default();
        learn(&String::from_utf8_lossy(around));
    }
    for at in IN_WIDE_TEXT.find_iter(bytes).take(PLACES_MAX) {
        // From a whole unit on.
        let from = at - at.min(before) / 2 * 2;
        let around = bytes.get(from..bytes.len().min(at + behind));
        let (text, _) = UTF_16LE.decode_without_bom_handling(around.unwrap_or_default());
        // What stands behind the text in a binary file is none.
        let text: &str = text.as_ref();
        let end = text.rfind("sers\\").unwrap_or(0);
        let end = text
            .get(end..)
            .and_then(|rest| rest.find('\0'))
            .map_or(text.len(), |length| end + length);
        learn(text.get(..end).unwrap_or_default());
    }
}

/// Tells the owners of the profiles of this computer that a text names: `C:\Users\jroe\…`.
fn owners(text: &str, told: &mut dyn FnMut(&str)) {
    for at in IN_TEXT.find_iter(text.as_bytes()) {
        let before = text.get(..at).unwrap_or_default();
        let Some(before) = before.strip_suffix(['u', 'U']) else {
            continue;
        };
        let drive = before.trim_end_matches('\\');
        let is_folder = drive.len() < before.len();
        if !is_folder || !is_drive(drive) {
            continue;
        }
        let folder_end = at + "sers\\".len();
        let rest = text.get(folder_end..).unwrap_or_default();
        // JSON and registry exports double the backslash.
        let name = rest.trim_start_matches('\\');
        let start = folder_end + rest.len() - name.len();
        if let Some(name) = owner(text, start)
            && is_telling(name)
        {
            told(name);
        }
    }
}

fn is_drive(before: &str) -> bool {
    let disk = before.trim_end_matches(|c: char| c.is_ascii_digit());
    let ends = |word: &str| {
        disk.len()
            .checked_sub(word.len())
            .and_then(|at| disk.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(word))
    };
    before.ends_with(':') || (disk.len() < before.len() && ends("harddiskvolume"))
}

/// The name of the folder that begins here.
fn owner(text: &str, start: usize) -> Option<&str> {
    let rest = text.get(start..)?;
    let ends = |c: char| c < ' ' || "\\/:*?\"'<>|,;=()[]".contains(c);
    let name = rest.split(ends).next()?;
    let behind = rest.get(name.len()..)?;
    if behind.starts_with(['\\', '/']) || (behind.starts_with('"') && name.contains(' ')) {
        return Some(name.trim_end());
    }
    // Nothing says where a name with blanks ends.
    let first = name.split(' ').next()?;
    text.get(candidate::whole_name(text, start..start + first.len()))
        .map(|name| name.trim_end_matches('.'))
}

/// True when a name, wherever it stands as a word, is that account and hardly anything else.
fn is_telling(name: &str) -> bool {
    let is_code = name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_short_number = name.len() < 5 && name.bytes().all(|byte| byte.is_ascii_digit());
    let plain = name.to_lowercase();
    (super::KNOWN_USER_CHARS_MIN..=NAME_CHARS_MAX).contains(&name.chars().count())
        && candidate::is_person(name)
        && !candidate::is_file(name)
        && !is_code
        && !is_short_number
        && !WORDS.contains(&plain.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut names = Vec::new();
        owners(text, &mut |name| names.push(name.to_owned()));
        assert_eq!(names, expected, "{text}");
        let expected: BTreeSet<String> = expected.iter().map(|&name| name.to_owned()).collect();
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let odd = [b"x".as_slice(), &little].concat();
        for bytes in [text.as_bytes(), &little, &odd] {
            let mut names = BTreeSet::new();
            owners_in(bytes, &mut names);
            assert_eq!(names, expected, "{text}");
        }
    }

    #[test]
    fn profile_paths_tell_whose_they_are() {
        check(r"open C:\Users\jroe\AppData: denied", &["jroe"]);
        check(r"c:\users\Jane Roe\x", &["Jane Roe"]);
        check(r#""C:\\Users\\jroe\\x""#, &["jroe"]);
        check(r"\\?\HarddiskVolume3\Users\王小明\x", &["王小明"]);
        check(r"C:\Users\jroe is full", &["jroe"]);
        check(r"C:\Users\Jane Roe is full.", &["Jane Roe"]);
        check(r"C:\Users\a.b\x and D:\Users\c.d\y", &["a.b", "c.d"]);
    }

    #[test]
    fn words_of_any_log_are_no_names() {
        check(r"C:\Users\Public\x C:\Users\Default\x", &[]);
        check(r"C:\Users\Admin\x C:\Users\update\x", &[]);
        check(r"C:\Users\desktop.ini", &[]);
        check(r"C:\Users\42\x C:\Users\80070005\x", &[]);
        check(r"\\server\Users\jroe\x HKEY_USERS\jroe", &[]);
        check(r"C:\Users\user:3f2a91c0\x", &[]);
    }

    #[test]
    fn no_file_makes_it_learn_without_end() {
        let mut learned = Learned::default();
        for number in 0..10_000 {
            learned.learn(&format!(r"C:\Users\person-{number}\x"));
        }
        assert_eq!(learned.names().len(), NAMES_MAX);
    }
}
