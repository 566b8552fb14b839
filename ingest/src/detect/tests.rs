//! Each rule of the detection on a few lines.

use super::*;

fn detected(content: &str, name: &str) -> Option<Format> {
    detect(content.as_bytes(), name)
}

#[test]
fn the_content_decides_and_not_the_name() {
    let line =
        "2024/05/02 14:43:56.6390016 4932  6608  SLS             Get response for service\r\n";
    assert_eq!(detected(line, "CBS.log"), Some(Format::WindowsUpdateLog));
    assert_eq!(
        detected(
            "AudMig: Initializing upgrade diagnostics for first run\r\n",
            "setupact.log"
        ),
        None
    );
    assert_eq!(detected("", "CBS.log"), None);
}

#[test]
fn a_binary_file_is_no_log_whatever_its_name() {
    let bytes: Vec<u8> = (0..60_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2])
        .collect();
    assert_eq!(detect(&bytes, "CBS.log"), None);
    let mut with_a_line = b"2021-10-12 09:02:11, Info                  CBS    text\r\n".to_vec();
    with_a_line.extend_from_slice(&bytes);
    assert_eq!(detect(&with_a_line, "CBS.log"), None);
}

#[test]
fn logs_of_one_shape_are_told_apart_by_their_components() {
    let cbs = "2021-10-12 09:02:11, Info                  CBS    text\n";
    let dism = "2021-10-12 09:02:11, Info                  DISM   text\n";
    let setup = "2021-10-12 09:02:11, Info       [0x0601c1] IBS    text\n";
    let bare = "2021-10-12 09:02:11, Info                         text\n";
    assert_eq!(
        detected(&[bare, cbs, cbs, dism].concat(), "1.txt"),
        Some(Format::CbsLog)
    );
    assert_eq!(
        detected(&[dism, cbs, dism].concat(), "1.txt"),
        Some(Format::DismLog)
    );
    assert_eq!(
        detected(&[cbs, cbs, dism].concat(), "logs/dism.log"),
        Some(Format::DismLog)
    );
    assert_eq!(
        detected(&[setup, setup, cbs].concat(), "CBS.log"),
        Some(Format::CbsLog)
    );
    assert_eq!(
        detected(&[setup, bare].concat(), "CBS.log"),
        Some(Format::SetupLog)
    );
    assert_eq!(detected(bare, "x.log"), Some(Format::SetupLog));
    assert_eq!(detected(bare, "dism.log"), Some(Format::DismLog));
}

#[test]
fn a_log_quoted_in_another_text_does_not_make_it_a_log() {
    let mut text = "Dear support,\n".repeat(20);
    text.push_str("2021-10-12 09:02:11, Info                  CBS    text\n");
    assert_eq!(detected(&text, "mail.txt"), None);
}

#[test]
fn a_log_of_driver_installations_is_known_by_its_sections() {
    let section = ">>>  [Device Install (Hardware initiated) - USB\\VID_1A2B&PID_3C4D\\1]\n>>>  Section start 2024/06/11 08:03:20.117\n     dvi: {Build Driver List} 08:03:20.133\n";
    assert_eq!(detected(section, "any.txt"), Some(Format::SetupapiLog));
    // The middle of a long section, cut out.
    let entries = "     sto: Driver Updates     = 644\n!    inf: Unable to load INF\n     dvi: {Core Device Install}\n".repeat(20);
    assert_eq!(
        detected(&entries, "setupapi.txt"),
        Some(Format::SetupapiLog)
    );
    let prose = "Notes on the call\n\ninf: the file that describes a driver\nset: what belongs together\nNothing else was said about it,\nand nobody asked.\n";
    assert_eq!(detected(prose, "notes.txt"), None);
}
