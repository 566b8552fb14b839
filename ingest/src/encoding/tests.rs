//! Encodings on texts as Windows writes them, and limits.

use super::{Decoder, LINE_BYTES_MAX, LineReader};

/// Reads a file and gives its lines with their offsets, and the encodings met.
fn lines(bytes: &[u8], chunk: usize) -> (Vec<(u64, String)>, String) {
    let (mut reader, mut decoder) = (LineReader::new(), Decoder::new());
    let (mut buffer, mut found, mut at) = (Vec::new(), Vec::new(), 0);
    let mut chunks = bytes.chunks(chunk).peekable();
    loop {
        let is_last = chunks.peek().is_none();
        while let Some(line) = {
            let is_start = reader.is_at_start();
            let line = reader.next(&buffer, &mut at, is_last);
            if is_start && line.is_some() {
                decoder.sample_head(&buffer);
            }
            line
        } {
            found.push((line.offset, decoder.decode(&line, false).into_owned()));
        }
        buffer.drain(..at);
        at = 0;
        let Some(chunk) = chunks.next() else {
            return (found, decoder.encoding());
        };
        buffer.extend_from_slice(chunk);
    }
}

fn texts(bytes: &[u8]) -> (Vec<String>, String) {
    let (found, encoding) = lines(bytes, usize::MAX);
    assert_eq!(
        (found.clone(), encoding.clone()),
        lines(bytes, 1),
        "chunks make a difference"
    );
    (found.into_iter().map(|(_, text)| text).collect(), encoding)
}

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

#[test]
fn code_pages_are_guessed_from_what_windows_writes() {
    let cases = [
        (
            "gbk",
            encoding_rs::GBK,
            "错误：无法访问文件，拒绝访问。\n安装更新失败，错误代码 0x80070005。\n",
        ),
        (
            "big5",
            encoding_rs::BIG5,
            "錯誤：無法存取檔案，存取被拒。\n安裝更新失敗，操作順利完成。\n",
        ),
        (
            "shift_jis",
            encoding_rs::SHIFT_JIS,
            "エラー: アクセスが拒否されました。\n更新プログラムのインストールに失敗しました。\n",
        ),
        (
            "windows-1251",
            encoding_rs::WINDOWS_1251,
            "Ошибка: отказано в доступе.\nНе удаётся найти указанный файл.\n",
        ),
        (
            "windows-1252",
            encoding_rs::WINDOWS_1252,
            "Zugriff verweigert: Schlüssel für Gerät nicht verfügbar.\nLa mise à jour a échoué, accès refusé.\n",
        ),
    ];
    for (name, encoding, text) in cases {
        let (bytes, _, had_errors) = encoding.encode(text);
        assert!(!had_errors);
        let (found, met) = texts(&bytes);
        assert_eq!(
            (found.join("\n") + "\n", met.as_str()),
            (text.to_owned(), name)
        );
        // After plain lines and a byte order mark that promises UTF-8.
        let mixed = [
            b"\xEF\xBB\xBFplain\r\nGr\xC3\xB6\xC3\x9Fe\r\n".as_slice(),
            &bytes,
        ]
        .concat();
        let (found, met) = texts(&mixed);
        assert_eq!(found.join("\n") + "\n", format!("plain\nGröße\n{text}"));
        assert_eq!(met, format!("utf-8-bom+{name}"));
    }
}

#[test]
fn utf16_is_recognised_with_and_without_a_byte_order_mark() {
    let text = "2024-08-20 10:02:41, 安装失败\r\nsecond\n\nlast";
    let expected = ["2024-08-20 10:02:41, 安装失败", "second", "", "last"];
    for (to_bytes, mark, name) in [
        (
            u16::to_le_bytes as fn(u16) -> [u8; 2],
            "\u{FEFF}",
            "utf-16le",
        ),
        (u16::to_be_bytes, "\u{FEFF}", "utf-16be"),
    ] {
        let bare = texts(&utf16(text, to_bytes));
        assert_eq!(
            (bare.0.as_slice(), bare.1.as_str()),
            (expected.map(str::to_owned).as_slice(), name)
        );
        let marked = texts(&utf16(&format!("{mark}{text}"), to_bytes));
        assert_eq!((marked.0, marked.1), (bare.0, format!("{name}-bom")));
    }
}

#[test]
fn a_line_feed_inside_another_character_ends_no_line() {
    // U+0A0A and U+0A41 hold the byte of a line feed in either half.
    let text = "abcdefgh\u{0A0A}\u{0A41}\u{010A}\u{0A01}x\ny";
    for to_bytes in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
        assert_eq!(
            texts(&utf16(&format!("\u{FEFF}{text}"), to_bytes)).0,
            text.split('\n').collect::<Vec<_>>()
        );
    }
}

#[test]
fn utf8_with_a_broken_character_stays_utf8() {
    let mut bytes = "2024-08-20 安装更新失败，拒绝访问。".as_bytes().to_vec();
    bytes.remove(12);
    let (found, encoding) = texts(&bytes);
    assert_eq!(encoding, "utf-8");
    assert!(
        found[0].contains("装更新失败，拒绝访问。") && found[0].contains('\u{FFFD}'),
        "{found:?}"
    );
}

#[test]
fn a_line_without_end_is_cut_and_the_next_is_found() {
    for (unit, to_bytes) in [
        (1, None),
        (2, Some(u16::to_le_bytes as fn(u16) -> [u8; 2])),
        (2, Some(u16::to_be_bytes)),
    ] {
        let text = format!("first\n{}\nthird\n", "é".repeat(LINE_BYTES_MAX));
        let bytes = to_bytes.map_or_else(
            || text.clone().into_bytes(),
            |to_bytes| utf16(&format!("\u{FEFF}{text}"), to_bytes),
        );
        let (found, _) = lines(&bytes, 65_537);
        assert_eq!(found, lines(&bytes, usize::MAX).0);
        let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!((texts.len(), texts[0], texts[2]), (3, "first", "third"));
        assert_eq!(texts[1].chars().count(), LINE_BYTES_MAX / 2);
        assert!(texts[1].chars().all(|c| c == 'é'));
        assert_eq!(
            found[2].0,
            (bytes.len() - 6 * unit) as u64,
            "offset of the third line"
        );
    }
}

#[test]
fn an_empty_file_has_no_line() {
    assert_eq!(texts(b""), (Vec::new(), "utf-8".to_owned()));
    assert_eq!(texts(b"\n").0, [""]);
    assert_eq!(texts(b"\xFF\xFE").0, [""]);
}

proptest::proptest! {
    #[test]
    fn chunks_make_no_difference_and_lines_cover_the_file(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400), chunk in 1_usize..40) {
        let (whole, encoding) = lines(&bytes, usize::MAX);
        proptest::prop_assert_eq!((whole.clone(), encoding), lines(&bytes, chunk));
        proptest::prop_assert_eq!(whole.is_empty(), bytes.is_empty());
        proptest::prop_assert!(whole.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
