//! The name of an uploaded file, as a name on this disk.

/// Longest name in characters: with four bytes each it fits a file system.
const CHARS_MAX: usize = 60;

/// Returns the last part of a name that a browser sent, made safe: no separators, no control characters, nothing that
/// hides or climbs. The ending stays, since a single log may be recognised by it; an empty name becomes `bundle`.
pub(super) fn safe(sent: &str) -> String {
    let last = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last
        .chars()
        .map(|c| {
            let is_plain = c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ' | '(' | ')');
            if is_plain { c } else { '_' }
        })
        .collect();
    let kept = kept.trim_matches([' ', '.']);
    let count = kept.chars().count();
    if count == 0 {
        return "bundle".to_owned();
    }
    if count <= CHARS_MAX {
        return kept.to_owned();
    }
    // Both ends tell: the device in front, the format behind.
    let head: String = kept.chars().take(CHARS_MAX / 2).collect();
    let tail: String = kept.chars().skip(count - CHARS_MAX / 2).collect();
    format!("{head}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder_and_readable() {
        for (sent, kept) in [
            ("PC-0042.zip", "PC-0042.zip"),
            ("深圳 南山-07.zip", "深圳 南山-07.zip"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\Desktop\\logs.zip", "logs.zip"),
            ("..", "bundle"),
            ("", "bundle"),
            (".hidden", "hidden"),
            ("a\0b\n<script>.zip", "a_b__script_.zip"),
            ("con:stream", "con_stream"),
        ] {
            assert_eq!(safe(sent), kept, "{sent:?}");
        }
        let long = safe(&format!("{}.zip", "长".repeat(9_000)));
        assert!(long.chars().count() <= CHARS_MAX);
        assert_eq!(long.rsplit_once('.').unwrap().1, "zip");
    }
}
