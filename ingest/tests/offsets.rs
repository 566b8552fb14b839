//! Evidence points at its line in the original bytes, whatever the encoding, and where one file
//! mixes several: each record's offset is where the bytes of its time stand.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

use encoding_rs::{BIG5, Encoding, GBK, KOI8_R, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};
use patchlens_ingest::{Format, Issue, Record, RecordSink, TextParser};
use proptest::prelude::*;

#[derive(Default)]
struct Places(Vec<(u64, u64, String, String)>);

impl RecordSink for Places {
    fn record(&mut self, record: Record<'_>) {
        self.0.push((
            record.line,
            record.byte_offset,
            record.time_text.into_owned(),
            record.message.into_owned(),
        ));
    }

    fn issue(&mut self, _: Issue<'_>) {}
}

/// How the bytes of a line are written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Writing {
    Utf8,
    Utf16,
    Utf16Be,
    Page(&'static Encoding),
}

const RUSSIAN: &str = "Отказано в доступе при установке пакета";
const CHINESE: &str = "无法安装更新程序包，拒绝访问，请重试";
const TAIWAN: &str = "無法安裝更新套件，拒絕存取，請再試一次";
const JAPANESE: &str = "更新プログラムをインストールできませんでした";
const GERMAN: &str = "Zugriff verweigert für Größe und Prüfung";

fn written(text: &str, writing: Writing) -> Vec<u8> {
    match writing {
        Writing::Utf8 => text.as_bytes().to_vec(),
        Writing::Utf16 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Writing::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        Writing::Page(page) => {
            let (bytes, _, lost) = page.encode(text);
            assert!(!lost, "{text} cannot be written in {}", page.name());
            bytes.into_owned()
        }
    }
}

/// A log of segments; every line has its own second, so that records can be told apart.
fn log(
    mark: &[u8],
    segments: &[(Writing, &str, usize)],
    end: &str,
) -> (Vec<u8>, Vec<(u64, String)>) {
    let mut bytes = mark.to_vec();
    let mut expected = Vec::new();
    let mut number = 0;
    for (writing, message, lines) in segments {
        for _ in 0..*lines {
            let time = format!("2024-08-20 10:{:02}:{:02}", number / 60 % 60, number % 60);
            // A mark belongs to the line behind it.
            let at = if number == 0 { 0 } else { bytes.len() as u64 };
            expected.push((at, time.clone()));
            bytes.extend(written(
                &format!("{time}, Info                  CBS    {message} 0x80070005{end}"),
                *writing,
            ));
            number += 1;
        }
    }
    (bytes, expected)
}

#[track_caller]
fn check(mark: &[u8], segments: &[(Writing, &str, usize)], end: &str) {
    let (bytes, expected) = log(mark, segments, end);
    let texts: Vec<(Writing, &str)> = segments
        .iter()
        .flat_map(|(writing, text, lines)| vec![(*writing, *text); *lines])
        .collect();
    for chunk in [usize::MAX, 61] {
        let mut places = Places::default();
        let mut parser = TextParser::new(Format::CbsLog);
        for piece in bytes.chunks(chunk) {
            parser.feed(piece, &mut places);
        }
        parser.finish(&mut places);
        let found: Vec<(u64, String)> = places
            .0
            .iter()
            .map(|(_, at, time, _)| (*at, time.clone()))
            .collect();
        assert_eq!(found, expected, "{segments:?}");
        for (index, (line, _, _, message)) in places.0.iter().enumerate() {
            assert_eq!(*line, index as u64 + 1);
            assert!(message.contains("0x80070005"), "{message}");
            let (writing, text) = texts[index];
            assert!(
                matches!(writing, Writing::Page(_)) || message.contains(text),
                "{message}"
            );
        }
    }
}

#[test]
fn one_encoding_for_the_whole_file() {
    for end in ["\r\n", "\n"] {
        for (writing, message) in [
            (Writing::Utf8, CHINESE),
            (Writing::Page(GBK), CHINESE),
            (Writing::Page(BIG5), TAIWAN),
            (Writing::Page(SHIFT_JIS), JAPANESE),
            (Writing::Page(WINDOWS_1251), RUSSIAN),
            (Writing::Page(KOI8_R), RUSSIAN),
            (Writing::Page(WINDOWS_1252), GERMAN),
            (Writing::Utf16, CHINESE),
            (Writing::Utf16Be, CHINESE),
        ] {
            check(b"", &[(writing, message, 40)], end);
        }
        check(b"\xef\xbb\xbf", &[(Writing::Utf8, RUSSIAN, 40)], end);
        check(b"\xff\xfe", &[(Writing::Utf16, RUSSIAN, 40)], end);
    }
}

#[test]
fn several_encodings_in_one_file() {
    check(
        b"\xef\xbb\xbf",
        &[
            (Writing::Utf8, GERMAN, 5),
            (Writing::Page(WINDOWS_1252), GERMAN, 5),
        ],
        "\r\n",
    );
    check(
        b"",
        &[
            (Writing::Utf8, "plain", 9),
            (Writing::Utf16, CHINESE, 9),
            (Writing::Page(GBK), CHINESE, 9),
            (Writing::Utf8, CHINESE, 9),
        ],
        "\r\n",
    );
}

/// Text that was decoded wrongly and saved again: still UTF-8, and read as it stands.
#[test]
fn mojibake_keeps_its_places() {
    let (garbled, _, _) = WINDOWS_1252.decode(CHINESE.as_bytes());
    check(b"", &[(Writing::Utf8, &garbled, 20)], "\r\n");
}

proptest! {
    #[test]
    fn any_mixture_keeps_its_places(parts in proptest::collection::vec((0..6_usize, 1..12_usize), 1..6), crlf in any::<bool>()) {
        let kinds = [
            (Writing::Utf8, CHINESE),
            (Writing::Utf8, "plain"),
            (Writing::Page(GBK), CHINESE),
            (Writing::Utf16, CHINESE),
            (Writing::Utf16, "plain"),
            (Writing::Utf16Be, CHINESE),
        ];
        let segments: Vec<(Writing, &str, usize)> = parts.into_iter().map(|(kind, lines)| (kinds[kind].0, kinds[kind].1, lines)).collect();
        check(b"", &segments, if crlf { "\r\n" } else { "\n" });
    }
}
