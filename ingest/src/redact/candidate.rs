//! What may be a name or an address, and what only looks like one.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::{Regex, RegexBuilder};

use super::KNOWN_USER_CHARS_MIN;

/// Profiles and accounts that are no person.
const NOT_A_PERSON: [&str; 22] = [
    "public",
    "default",
    "default user",
    "all users",
    "defaultuser0",
    "defaultuser100000",
    "defaultuser1",
    "systemprofile",
    "localservice",
    "networkservice",
    "local service",
    "network service",
    "administrator",
    "system",
    "defaultapppool",
    "defaultaccount",
    "wdagutilityaccount",
    "guest",
    "n/a",
    "-",
    "temp",
    "anonymous logon",
];

/// First parts of `X\y` that are no domain.
const NOT_A_DOMAIN: [&str; 40] = [
    "hklm",
    "hkcu",
    "hkcr",
    "hku",
    "hkcc",
    "hkey_local_machine",
    "hkey_current_user",
    "hkey_users",
    "hkey_classes_root",
    "registry",
    "machine",
    "system",
    "software",
    "sam",
    "security",
    "nt",
    "nt authority",
    "nt service",
    "authority",
    "service",
    "builtin",
    "windows",
    "microsoft",
    "winsxs",
    "system32",
    "syswow64",
    "pci",
    "usb",
    "usbstor",
    "acpi",
    "hid",
    "swd",
    "root",
    "scsi",
    "ide",
    "display",
    "hdaudio",
    "storage",
    "device",
    "font driver host",
];

/// Endings that make the second part of `X\y` a file.
const FILE_ENDINGS: [&str; 22] = [
    "dll", "exe", "sys", "inf", "mum", "cat", "xml", "log", "dat", "msu", "cab", "mui", "manifest",
    "tmp", "etl", "evtx", "ini", "json", "wim", "esd", "txt", "pol",
];

/// One expression with an alternative for each class. Word boundaries and classes are those of
/// ASCII, so that the fast automaton serves text in any language; names in any script still match.
const CANDIDATES: &[&str] = &[
    // A folder may have spaces in its name, and an apostrophe before a letter: `Sean O'Brien`. Where
    // it ends with a quotation mark or bracket, up to three words are its name, but no code is.
    r#"[\\/](?:(?:users|homes?|profiles)\$|users|documents and settings|docume~1)[\\/]+(?:(?P<profile>(?:[^\\/:*?"'<>|\x00-\x20,;=]|'[a-z]| [^\x00-\x27*-@\[-^`{-\x7f]){1,64})[\\/]|(?P<quoted_profile>[^\\/:*?"'<>|\x00-\x20,;=()\[\]]{1,64}(?: (?:[^\x00-\x40\[-\x60{-\x7f]|'[a-z]){1,64}){1,2})["')>\]]|(?P<bare_profile>[^\\/:*?"'<>|\x00-\x20,;=()\[\]]{1,64}))"#,
    // Letters of any script, since a class of some would cost time on every text; see `email_start`.
    r"(?P<email>[^\x00-\x24&(-*,/:-@\[-^`{-\x7f]{1,64}@[^\x00-,/:-@\[-`{-\x7f]{1,253}\.[a-z]{2,24})(?-u:\b)",
    // In the registry `_Classes` may follow.
    r"(?P<sid>S-1-(?:5-21|12-1)(?:-[0-9]{1,10}){3,5})",
    r"(?P<ipv4>[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})",
    r"(?P<ipv6>(?:(?-u:\b)(?:[0-9a-f]{1,4}:){1,7}(?::?[0-9a-f]{1,4}){0,7}(?:::)?|::[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){1,6})(?:(?:\.[0-9]{1,3}){3})?)",
    r#"(?-u:\b)(?:user ?name|samaccountname|account name)"? {0,3}[:=] {0,3}"?(?P<named>[^\x00-\x20"'(),/:-@\[-^`{-\x7f]{2,64})"#,
    r"(?-u:\b)CN=(?P<common_name>[^,=\\/\r\n]{2,64}),(?:CN|OU|DC)=",
    // Registry exports and JSON double the backslash.
    r"(?-u:\b)(?P<domain>[a-z][a-z0-9._\-]{1,63})\\{1,2}(?P<user>[^\x00-\x23%-,/:-@\[-^`{-\x7f][^\x00-\x23%-,/:-@\[-^`{-\x7f]{1,63})",
];

/// First words of what may stand behind "user name:" and is no name.
const NOT_A_NAME: [&str; 11] = [
    "nt", "local", "network", "font", "window", "iis", "none", "null", "unknown", "not", "is",
];

/// True when what stands behind "user name:" is one.
pub(super) fn is_name(text: &str) -> bool {
    is_person(text) && !NOT_A_NAME.contains(&text.to_lowercase().as_str())
}

/// Domains that every Windows knows: accounts of the cloud.
const CLOUD_DOMAINS: [&str; 2] = ["azuread", "microsoftaccount"];

/// True when what stands behind this and a backslash is an account.
pub(super) fn is_cloud_domain(domain: &str) -> bool {
    CLOUD_DOMAINS.contains(&domain.to_ascii_lowercase().as_str())
}

/// Where an address begins in what stands before the `@`: Chinese and Japanese put no space between
/// it and the words before, and hardly anybody's address is written in their script.
pub(super) fn email_start(text: &str, found: Range<usize>) -> Range<usize> {
    let local = text
        .get(found.clone())
        .and_then(|address| address.split('@').next())
        .unwrap_or_default();
    let start = local
        .char_indices()
        .rev()
        .find(|(_, c)| *c > '\u{52f}')
        .map_or(0, |(at, c)| at + c.len_utf8());
    let start = if start < local.len() { start } else { 0 };
    found.start + start..found.end
}

/// How far a profile without an end goes on with words that are written as parts of a name:
/// `C:\Users\Jane Roe is full`. The first word says how: `Jane`, but not `jroe` or `JROE`.
pub(super) fn whole_name(text: &str, first: Range<usize>) -> Range<usize> {
    let is_part = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase)
            && letters.next().is_some_and(char::is_lowercase)
            && letters.all(|c| c.is_alphabetic() || matches!(c, '-' | '\''))
    };
    let mut range = first.clone();
    if !text.get(first).is_some_and(is_part) {
        return range;
    }
    for _ in 0..3 {
        let rest = text.get(range.end..).unwrap_or_default();
        let Some(rest) = rest.strip_prefix(' ') else {
            break;
        };
        let word = rest.split([' ', ',', ';', ':', '.', '\r', '\n']).next();
        match word.filter(|word| is_part(word)) {
            Some(word) => range.end += 1 + word.len(),
            None => break,
        }
    }
    range
}

/// Finds candidates of every class; which of them go is judged one by one.
pub(super) static AUTOMATON: LazyLock<Option<Regex>> = LazyLock::new(|| {
    RegexBuilder::new(&CANDIDATES.join("|"))
        .case_insensitive(true)
        .build()
        .ok()
});

/// Finds names of persons; `None` when there are none.
pub(super) fn finder<'n>(
    names: impl Iterator<Item = &'n str>,
) -> Result<Option<AhoCorasick>, aho_corasick::BuildError> {
    let names: Vec<&str> = names
        .filter(|name| name.chars().count() >= KNOWN_USER_CHARS_MIN && is_person(name))
        .collect();
    if names.is_empty() {
        return Ok(None);
    }
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(names)
        .map(Some)
}

/// True when no letter or digit touches the range.
pub(super) fn is_word(text: &str, range: &Range<usize>) -> bool {
    let before = text
        .get(..range.start)
        .and_then(|before| before.chars().next_back());
    let after = text.get(range.end..).and_then(|after| after.chars().next());
    !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
}

/// True for a name with the ending of a file.
pub(super) fn is_file(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, ending)| FILE_ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}

/// True for what may be the name of a domain, and is not the first part of a path or key.
pub(super) fn is_domain(name: &str) -> bool {
    name.len() > 1 && !NOT_A_DOMAIN.contains(&name.to_ascii_lowercase().as_str())
}

/// Finds `jroe@CONTOSO`: what stands before the `@` and a known domain.
pub(super) fn at_domain(
    text: &str,
    at: usize,
    is_known: &dyn Fn(&str) -> bool,
) -> Option<Range<usize>> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let behind = text.get(at + 1..)?;
    let domain = behind.split(|c: char| !is_part(c)).next()?;
    if domain.is_empty() || !is_known(domain.trim_end_matches('.')) {
        return None;
    }
    let before = text.get(..at)?;
    let start = before.trim_end_matches(is_part).len();
    let name = before.get(start..)?;
    // `user:3f2a91c0@CONTOSO` has been replaced.
    let is_token = before
        .get(..start)
        .is_some_and(|before| before.ends_with(':'))
        && name.len() == 8;
    (!is_token && is_person(name)).then_some(start..at)
}

/// False for profiles and accounts that every Windows has.
pub(super) fn is_person(name: &str) -> bool {
    let plain = name.trim().to_lowercase();
    let short = plain.rsplit('\\').next().unwrap_or(&plain);
    let template = plain.starts_with(['%', '$', '{', '<']) || plain.starts_with("user:");
    let built_in = [
        "nt authority\\",
        "nt service\\",
        "builtin\\",
        "font driver host\\",
        "window manager\\",
        "iis apppool\\",
    ]
    .iter()
    .any(|prefix| plain.starts_with(prefix));
    !plain.is_empty()
        && !template
        && !built_in
        && !NOT_A_PERSON.contains(&short)
        && !plain.starts_with("s-1-")
}

/// The name of a registry value without the key that it stands in: keys hold words such as
/// `CurrentVersion`, which say nothing of the value.
pub(super) fn value_name(field: &str) -> &str {
    field.rsplit('\\').next().unwrap_or(field)
}

/// Names of values that hold an account and nothing else.
pub(super) fn names_a_user(field: &str) -> bool {
    let plain: String = value_name(field)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let known = [
        "user",
        "username",
        "accountname",
        "subjectusername",
        "targetusername",
        "installedby",
        "registeredowner",
        "loggedonuser",
        "owner",
        "samaccountname",
        "userid",
        "membername",
        "userprincipalname",
        "upn",
        "startname",
        "servicestartname",
        "runas",
        "lastloggedonuser",
        "primaryuser",
    ];
    known.contains(&plain.as_str())
}

/// True when `X\y` is an account of a domain and no path, key or device.
pub(super) fn is_account(
    text: &str,
    domain: Range<usize>,
    user: Range<usize>,
    known_domain: bool,
) -> bool {
    let (Some(domain_text), Some(user_text)) = (text.get(domain.clone()), text.get(user.clone()))
    else {
        return false;
    };
    let before = text
        .get(..domain.start)
        .and_then(|before| before.chars().next_back());
    let after = text.get(user.end..).and_then(|after| after.chars().next());
    let inside_path = matches!(before, Some('\\' | '/' | ':' | '.' | '~' | '%' | '$' | '-'))
        || matches!(after, Some('\\' | '/' | '&' | ':' | '~'));
    if inside_path || is_file(user_text) || !is_person(user_text) {
        return false;
    }
    // An unknown domain counts when it is written as Windows writes it.
    let looks_like_domain = domain_text.len() <= 15
        && domain_text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    known_domain
        || (looks_like_domain && !NOT_A_DOMAIN.contains(&domain_text.to_ascii_lowercase().as_str()))
}

/// True when the second part of `X\y`, which is no account, begins another candidate.
pub(super) fn may_hold_a_name(user: &str) -> bool {
    let begins = |word: &str| {
        user.get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    user.starts_with(|c: char| c.is_ascii_digit())
        || ["s-1-", "users", "docume", "home", "profiles"]
            .into_iter()
            .any(begins)
}

/// True when four numbers are an address and no version.
pub(super) fn is_ipv4(text: &str, range: Range<usize>) -> bool {
    let Some(Ok(address)) = text.get(range.clone()).map(str::parse::<Ipv4Addr>) else {
        return false;
    };
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).and_then(|after| after.chars().next());
    let touching = before
        .chars()
        .next_back()
        .is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '~' | '-' | '+'));
    let continued = after.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '~'))
        || (after == Some('.')
            && text
                .get(range.end + 1..)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())));
    if touching
        || continued
        || address.is_loopback()
        || address.is_unspecified()
        || address.is_broadcast()
    {
        return false;
    }
    let lead = context(before);
    let word = lead
        .rsplit(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default();
    if [
        "version", "ver", "v", "build", "stack", "revision", "release",
    ]
    .contains(&word)
    {
        return false;
    }
    let named = [
        "ip",
        "ipaddress",
        "address",
        "addr",
        "host",
        "server",
        "proxy",
        "gateway",
        "client",
        "from",
        "dns",
    ]
    .contains(&word)
        || lead.ends_with("//")
        || after == Some(':');
    // Versions start with small numbers, and Windows' own with 10.0 or 6.
    named || address.octets()[0] >= 10
}

/// The words before a value, in lower case, without the marks between.
fn context(before: &str) -> String {
    let tail: String = before
        .chars()
        .rev()
        .take(16)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    tail.trim_end_matches([' ', ':', '=', '"', '\'', '[', '(', '{', ','])
        .to_ascii_lowercase()
}

/// True when the text is an address and no time, namespace or GUID part.
pub(super) fn is_ipv6(text: &str) -> bool {
    let trimmed = text.trim_end_matches(':');
    let plain = if text.ends_with("::") { text } else { trimmed };
    let groups = plain.split(':').filter(|group| !group.is_empty()).count();
    plain
        .parse::<Ipv6Addr>()
        .is_ok_and(|address| !address.is_loopback() && !address.is_unspecified())
        && groups >= 2
        && plain.bytes().any(|b| b.is_ascii_digit())
}
