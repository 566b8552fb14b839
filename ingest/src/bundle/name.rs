//! Names of archive entries: decoded from whatever code page wrote them, and checked.
//!
//! A zip states UTF-8 by a flag bit, but many tools write UTF-8, or the device's own code page,
//! without it. What is no UTF-8 is read as GBK when every non-ASCII byte belongs to a GB 2312 pair,
//! else as code page 437, which the format prescribes.

use encoding_rs::GBK;

/// Upper half of code page 437, the zip format's own.
const CP437_UPPER: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// Decodes the raw name of an archive entry.
pub(crate) fn decode_name(raw: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(raw) {
        return text.to_owned();
    }
    if is_gb2312(raw) {
        let (text, _, had_errors) = GBK.decode(raw);
        if !had_errors {
            return text.into_owned();
        }
    }
    raw.iter()
        .map(|&byte| {
            if byte < 0x80 {
                char::from(byte)
            } else {
                CP437_UPPER
                    .chars()
                    .nth(usize::from(byte - 0x80))
                    .unwrap_or('\u{fffd}')
            }
        })
        .collect()
}

fn is_gb2312(raw: &[u8]) -> bool {
    let mut bytes = raw.iter();
    while let Some(&byte) = bytes.next() {
        if byte < 0x80 {
            continue;
        }
        let trail = bytes.next().copied().unwrap_or(0);
        if !(0xA1..=0xF7).contains(&byte) || !(0xA1..=0xFE).contains(&trail) {
            return false;
        }
    }
    true
}

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnsafeName {
    /// Nothing is left of it.
    #[error("the name is empty")]
    Empty,
    /// It starts at a root.
    #[error("the name is an absolute path")]
    Absolute,
    /// It starts with a drive letter.
    #[error("the name starts with a drive letter")]
    DriveLetter,
    /// It climbs out of the bundle.
    #[error("the name has a `..` part")]
    ParentPart,
    /// It holds a control character.
    #[error("the name holds a control character")]
    ControlCharacter,
    /// The entry is a link.
    #[error("the entry is a symbolic link")]
    Link,
    /// It is longer than the limit.
    #[error("the name is longer than `path_bytes_max`")]
    TooLong,
}

/// Turns a name into a relative path with `/` between the parts.
///
/// # Errors
/// When the name could point outside the bundle, or is too long to show.
pub(crate) fn relative_path(name: &str, path_bytes_max: usize) -> Result<String, UnsafeName> {
    if name.len() > path_bytes_max {
        return Err(UnsafeName::TooLong);
    }
    if name.chars().any(char::is_control) {
        return Err(UnsafeName::ControlCharacter);
    }
    let unified = name.replace('\\', "/");
    if unified.starts_with('/') {
        return Err(UnsafeName::Absolute);
    }
    if let [letter, b':', ..] = unified.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return Err(UnsafeName::DriveLetter);
    }
    let parts: Vec<&str> = unified
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if parts
        .iter()
        .any(|part| part.trim_end_matches([' ', '.']).is_empty() && part.contains(".."))
    {
        return Err(UnsafeName::ParentPart);
    }
    if parts.is_empty() {
        return Err(UnsafeName::Empty);
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_read_in_the_code_page_that_wrote_them() {
        assert_eq!(decode_name("日志/CBS.log".as_bytes()), "日志/CBS.log");
        assert_eq!(
            decode_name(&GBK.encode("补丁日志/更新.log").0),
            "补丁日志/更新.log"
        );
        assert_eq!(decode_name(b"Pr\x81fung.log"), "Prüfung.log");
        assert_eq!(CP437_UPPER.chars().count(), 128);
    }

    #[test]
    fn names_that_leave_the_bundle_are_refused() {
        let check = |name: &str| relative_path(name, 1024);
        assert_eq!(check("../evil"), Err(UnsafeName::ParentPart));
        assert_eq!(check("a/../../evil"), Err(UnsafeName::ParentPart));
        assert_eq!(check("a\\..\\evil"), Err(UnsafeName::ParentPart));
        assert_eq!(check("a/.. /evil"), Err(UnsafeName::ParentPart));
        assert_eq!(check("/etc/passwd"), Err(UnsafeName::Absolute));
        assert_eq!(check("\\\\server\\share"), Err(UnsafeName::Absolute));
        assert_eq!(check("C:\\Windows\\x"), Err(UnsafeName::DriveLetter));
        assert_eq!(check("c:x"), Err(UnsafeName::DriveLetter));
        assert_eq!(check("a\0b"), Err(UnsafeName::ControlCharacter));
        assert_eq!(check("./"), Err(UnsafeName::Empty));
        assert_eq!(check(&"a".repeat(2000)), Err(UnsafeName::TooLong));
        assert_eq!(check("a/./b//c..log").as_deref(), Ok("a/b/c..log"));
    }

    proptest! {
        #[test]
        fn an_accepted_path_is_relative_and_has_no_parent_part(raw in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(path) = relative_path(&decode_name(&raw), 1024) {
                prop_assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."));
            }
        }
    }
}
