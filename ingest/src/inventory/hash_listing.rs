//! Hashes of files: `certutil -hashfile` in any language, `Get-FileHash` (table, list, CSV, JSON) and
//! `sha256sum`.
//!
//! A line of nothing but hexadecimal digits (older certutil puts blanks between the bytes) is a
//! hash; the path stands in the command line or the sentence above it, whose words are translated.

use patchlens_event::inventory;

use super::facts::Facts;
use super::lines::Line;
use super::table;
use crate::{LoggedTime, RecordSink};

/// The hash that a line consists of, in lower case without blanks.
pub(crate) fn hash_of(line: &str) -> Option<String> {
    let compact: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    let known =
        algorithm(compact.len()).is_some() && compact.bytes().all(|b| b.is_ascii_hexdigit());
    // Blanks only stand between bytes.
    let spaced = line.trim().split(' ').all(|part| part.len() == 2);
    (known && (spaced || !line.trim().contains(char::is_whitespace)))
        .then(|| compact.to_ascii_lowercase())
}

fn algorithm(hex_digits: usize) -> Option<&'static str> {
    match hex_digits {
        32 => Some("md5"),
        40 => Some("sha1"),
        64 => Some("sha256"),
        96 => Some("sha384"),
        128 => Some("sha512"),
        _ => None,
    }
}

/// `file_sha256.<path>`.
fn fact_name(hash: &str, path: &str) -> String {
    match algorithm(hash.len()) {
        Some("sha256") | None => format!("{}{path}", inventory::FILE_SHA256),
        Some(other) => format!("file_{other}.{path}"),
    }
}

/// Hash and path of a `sha256sum` line.
fn hash_and_path(line: &str) -> Option<(String, &str)> {
    let (hash, path) = line.trim().split_once(' ')?;
    let hash = hash_of(hash)?;
    let path = path.trim_start().trim_start_matches('*').trim();
    (!path.is_empty()).then_some((hash, path))
}

/// The path that a sentence or a command line names.
pub(crate) fn path_in(text: &str) -> Option<&str> {
    let text = match text.find("-hashfile") {
        Some(at) => text.get(at + "-hashfile".len()..)?,
        None => text,
    };
    if let Some(quoted) = text.split('"').nth(1)
        && quoted.contains('.')
    {
        return Some(quoted);
    }
    let drive = text
        .char_indices()
        .find(|(at, c)| {
            c.is_ascii_alphabetic()
                && text
                    .get(at + 1..)
                    .is_some_and(|rest| rest.starts_with(":\\"))
        })
        .map(|(at, _)| at);
    let start = drive.or_else(|| text.find("\\\\"));
    match start.and_then(|at| text.get(at..)) {
        Some(rest) => Some(rest.get(..end_of_path(rest)).unwrap_or(rest)),
        None => text
            .split([' ', '(', ')', ':', '：', '（', '）'])
            .find(|word| extension_at(word).is_some_and(|end| end == word.len())),
    }
}

/// Where the path ends: behind its last extension.
fn end_of_path(text: &str) -> usize {
    extension_at(text).unwrap_or_else(|| text.trim_end_matches([':', '：', ')', '）', ' ']).len())
}

/// The end of the last `.ext` that a blank, a closing mark or the end follows.
fn extension_at(text: &str) -> Option<usize> {
    text.char_indices()
        .filter(|(_, c)| *c == '.')
        .filter_map(|(at, _)| {
            let rest = text.get(at + 1..)?;
            let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
            let next = rest.get(length..)?.chars().next();
            ((2..=5).contains(&length)
                && next.is_none_or(|c| {
                    !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-' | '\\' | '/' | '~')
                }))
            .then_some(at + 1 + length)
        })
        .next_back()
}

/// Reads a listing; each hash is one record.
pub(crate) fn parse(lines: &[Line], sink: &mut dyn RecordSink) {
    let found = found(lines);
    if found.is_empty() {
        return Facts::default().emit(lines, LoggedTime::Unstated, sink);
    }
    let mut from = 0;
    for (index, (last_line, hash, path)) in found.iter().enumerate() {
        let to = if index + 1 == found.len() {
            lines.len()
        } else {
            last_line + 1
        };
        let mut facts = Facts::default();
        facts.add(fact_name(hash, path), hash.as_str());
        facts.emit(
            lines.get(from..to).unwrap_or_default(),
            LoggedTime::Unstated,
            sink,
        );
        from = to;
    }
}

/// Line, hash and path of each hash.
fn found(lines: &[Line]) -> Vec<(usize, String, String)> {
    let mut found = Vec::new();
    if super::is_json(lines) {
        for document in super::documents(lines) {
            if let (Some(hash), Some(path)) = (
                document.value.text(&["Hash"]).and_then(hash_of),
                document.value.text(&["Path"]),
            ) {
                let index = usize::try_from(document.line + document.continuations - 1);
                found.push((index.unwrap_or(usize::MAX), hash, path.to_owned()));
            }
        }
        return found;
    }
    let mut named: Option<String> = None;
    for (index, line) in lines.iter().enumerate() {
        if let Some(hash) = hash_of(&line.text) {
            if let Some(path) = named.take() {
                found.push((index, hash, path));
            }
        } else if let Some((hash, path)) = hash_and_path(&line.text) {
            found.push((index, hash, path.to_owned()));
        } else if let Some(path) = path_in(&line.text) {
            // The command line has the path as it was typed; the sentence below repeats it.
            if named.is_none() || !line.text.contains(named.as_deref().unwrap_or_default()) {
                named = Some(path.trim().to_owned());
            }
        }
    }
    if found.is_empty() {
        for row in table::rows(lines, "Hash") {
            if let (Some(hash), Some(path)) =
                (row.get(&["Hash"]).and_then(hash_of), row.get(&["Path"]))
            {
                found.push((row.line_index, hash, path.to_owned()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::Format;
    use crate::inventory::tests::records;

    const HASH: &str = "0e9a4b7c55d1f3a2886b10c9fde7743120bb5a6c9e8d7f60514233241506f7e8";

    fn check(text: &str, path: &str) {
        let records = records(text.as_bytes(), Format::HashListing);
        assert_eq!(records.len(), 1, "{text}");
        assert_eq!(
            records[0].fields,
            [(format!("file_sha256.{path}"), HASH.to_owned())],
            "{text}"
        );
    }

    #[test]
    fn every_form_of_listing_names_file_and_hash() {
        let upper = HASH.to_uppercase();
        let spaced = HASH
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap())
            .collect::<Vec<_>>()
            .join(" ");
        check(
            &format!(
                "SHA256 hash of D:\\p\\kb1.msu:\r\n{HASH}\r\nCertUtil: -hashfile command completed successfully.\r\n"
            ),
            "D:\\p\\kb1.msu",
        );
        check(
            &format!("SHA256 hash of file D:\\my files\\kb1.msu:\r\n{spaced}\r\nCertUtil: ok\r\n"),
            "D:\\my files\\kb1.msu",
        );
        check(
            &format!(
                "C:\\>certutil -hashfile D:\\p\\kb1.msu SHA256\r\nSHA256 的 D:\\p\\kb1.msu 哈希:\r\n{HASH}\r\nCertUtil: -hashfile 命令成功完成。"
            ),
            "D:\\p\\kb1.msu",
        );
        check(
            &format!("SHA256-Hash von kb1-x64.msu:\n{HASH}\n"),
            "kb1-x64.msu",
        );
        check(
            &format!("Хэш SHA256 D:\\p\\kb1.msu:\n{HASH}\n"),
            "D:\\p\\kb1.msu",
        );
        check(
            &format!("Algorithm : SHA256\nHash      : {upper}\nPath      : D:\\p\\kb1.msu\n"),
            "D:\\p\\kb1.msu",
        );
        check(
            &format!(
                "\"Algorithm\",\"Hash\",\"Path\"\n\"SHA256\",\"{upper}\",\"D:\\p\\kb1.msu\"\n"
            ),
            "D:\\p\\kb1.msu",
        );
        check(
            &format!(
                "Algorithm       Hash{}Path\n---------       ----{}----\nSHA256          {upper}       D:\\p\\kb1.msu\n",
                " ".repeat(67),
                " ".repeat(67)
            ),
            "D:\\p\\kb1.msu",
        );
        check(&format!("{HASH} *kb1.msu\n"), "kb1.msu");
        check(
            &format!(
                "{{\r\n    \"Algorithm\":  \"SHA256\",\r\n    \"Hash\":  \"{upper}\",\r\n    \"Path\":  \"D:\\\\p\\\\kb1.msu\"\r\n}}\r\n"
            ),
            "D:\\p\\kb1.msu",
        );
        for sentence in [
            "Hachage SHA256 de D:\\p\\kb1.msu :",
            "SHA256 ハッシュ (対象 D:\\p\\kb1.msu):",
            "Хэш SHA256 файла D:\\p\\kb1.msu:",
            "SHA256 hash del archivo D:\\p\\kb1.msu:",
            "SHA256 的 D:\\p\\kb1.msu 哈希:",
            "SHA256 哈希(文件 D:\\p\\kb1.msu):",
        ] {
            check(
                &format!("{sentence}\r\n{spaced}\r\nCertUtil: -hashfile\r\n"),
                "D:\\p\\kb1.msu",
            );
        }
    }
}
