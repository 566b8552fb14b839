//! What is a code, and what only looks like one.

use proptest::prelude::*;

use super::context::Word;
use super::{LENGTH_MAX, code, find, is_word_byte};

fn codes(text: &str) -> Vec<String> {
    find(text).map(|code| code.to_string()).collect()
}

#[test]
fn codes_are_found_in_every_spelling() {
    let cases = [
        ("*FAILED* [80070032] Method failed", "0x80070032"),
        ("*FAILED* [8024402C] Send request", "0x8024402c"),
        (
            "Failed to get state [HRESULT = 0x800f0823 - CBS_E_NEW_SERVICING_STACK_REQUIRED]",
            "0x800f0823",
        ),
        ("GetProvider(hr:0x80070002)", "0x80070002"),
        ("Failed to delete x.dll. hr = 0x80070005", "0x80070005"),
        (
            "[2188] [0xc142011c] WIMGetMountedImageHandle:(2897)",
            "0xc142011c",
        ),
        (
            "Callback_BootEnvironmentDetect:FirmwareGetEnvironmentVariable failed with GLE [5]",
            "0x80070005",
        ),
        (
            "creating manager on \\SystemRoot\\pending.xml[gle=0x80004005]",
            "0x80004005",
        ),
        (
            "DoExecute: ProvMigration failed. [gle=0x0000012a]",
            "0x8007012a",
        ),
        ("gle=0x00000005", "0x80070005"),
        ("cannot open [C:\\Windows\\*]; GLE = 0x3", "0x80070003"),
        ("CopyFile failed (Error = 5)", "0x80070005"),
        ("CopyFile failed: Error = 32", "0x80070020"),
        ("Last Error = 0x3", "0x80070003"),
        ("DownloadFile returned error 0x5", "0x80070005"),
        ("Error code: 0x80240439", "0x80240439"),
        ("LoadLibrary failed! Error code = 0x2", "0x80070002"),
        (
            "* END * Finding updates, Exit code = 0x80240439 (cV = w.1.0.0)",
            "0x80240439",
        ),
        ("failed with error 5 (Access is denied)", "0x80070005"),
        ("error: 1392", "0x80070570"),
        ("Win32 error code 112 while writing", "0x80070070"),
        (
            "(F) Error CREATE_TRANSACTION_MANAGER: c0190021 creating transaction manager",
            "0xc0190021",
        ),
        ("open of key returned status c0000022", "0xc0000022"),
        (
            "The parameter is incorrect. (Error: 80070057; Source: Windows)",
            "0x80070057",
        ),
        ("Failed to save environment to  (80070057)", "0x80070057"),
        ("Return status: 800f0805", "0x800f0805"),
        ("failed with 80072ee2, retry", "0x80072ee2"),
        ("{\"errorCode\":-2145124322}", "0x8024001e"),
        ("hr=-1073741819", "0xc0000005"),
        ("error code 2147942405", "0x80070005"),
        ("NTSTATUS as HRESULT 0xD0000022", "0xd0000022"),
        ("安装失败，错误0x800f0922。", "0x800f0922"),
        ("Ошибка 0X80070005", "0x80070005"),
        ("GetLastError() = 2", "0x80070002"),
    ];
    for (text, expected) in cases {
        assert_eq!(codes(text), [expected], "{text}");
    }
}

#[test]
fn what_only_looks_like_a_code_is_none() {
    let cases = [
        "service 8B24B027-1DEE-BABB-9A95-3517DFB9C552",
        "Deployment job Id 80070005-1111-2222-3333-444444444444",
        "{C0000022-1DEE-BABB-9A95-3517DFB9C552} [d:80070005]: Begin",
        "[0x0601c1] InstallWindows:Install Path",
        "b:dbb84a0489a5dfeecb4e850412aabb72e725e5f89319d9e158a8baa9be6470da",
        "WcpInitialize called (stack @0x8f83e97c @0xff83d799)",
        "Opened key with flags 0x80000001",
        "key handle 0x80000002",
        "file attributes: 0x80000020",
        "Exit code = 0x240001, result = 0x00000000",
        "(Error = 0)",
        "Completed with 0 errors, progress and error 0",
        "PID=5808 TID=1036 size 80070005 bytes",
        "Loaded Servicing Stack v6.1.7601.23505",
        "Package_for_KB5012170~31bf3856ad364e35~amd64~~14393.5285.1.4",
        "Error: 5 files could not be copied",
        "error 5 of 7 was skipped",
        "http status code[404]",
        "HTTP error 404",
        "exit code 3010",
        "process exit code = 0x1",
        "0x800700051",
        "0x8007000",
        "Session: 30546173_4261722401 initialized",
        "2021-09-28 80070005",
        "C:\\Temp\\80070005\\failed",
        "0xFFFFFFFF 0xE06D7363 0x90000001",
        "00000009 Error (F)",
        "Error -5",
        "failures: 12345678",
        "",
    ];
    for text in cases {
        assert_eq!(codes(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn each_code_is_given_once_in_reading_order_and_not_without_end() {
    assert_eq!(
        codes("0x80070005 then 0x80070002, again 0x80070005\n[8024402c]"),
        ["0x80070005", "0x80070002", "0x8024402c"]
    );
    let many: String = (0x8007_0001_u32..0x8007_1000)
        .map(|code| patchlens_event::Hresult(code).to_string() + " ")
        .collect();
    assert_eq!(find(&many).count(), 64);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_without_harm(text in ".{0,300}") {
        for code in find(&text) {
            proptest::prop_assert!(code.is_failure());
        }
    }
}

/// Every word by itself, judged whatever it begins with.
fn word_by_word(text: &str) -> Vec<String> {
    let text = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    for word in text.split(|byte| !is_word_byte(*byte)) {
        let end = at + word.len();
        let code = (1..=LENGTH_MAX)
            .contains(&word.len())
            .then(|| code(&Word::new(text, at, end)))
            .flatten()
            .map(|code| code.to_string());
        if let Some(code) = code.filter(|code| !found.contains(code)) {
            found.push(code);
        }
        at = end + 1;
    }
    found
}

/// Pieces of messages that hold codes, begin them or speak for them.
const PIECES: [&str; 26] = [
    "a",
    "é",
    " ",
    ": ",
    "[",
    "]",
    "-",
    "_",
    "0x",
    "0x80070005",
    "8024402c",
    "C0000022",
    "caFEbabe",
    "d0000034",
    "C1900107",
    "d1234567",
    "5",
    "15999",
    "2147942405",
    "2145124322",
    "error ",
    "GLE ",
    "failed ",
    "status ",
    ".",
    "a long word in between, which moves what follows",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn no_word_that_is_a_code_is_passed_over(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES.as_slice()), 0..60)
    ) {
        let text = pieces.concat();
        prop_assert_eq!(codes(&text), word_by_word(&text));
    }

    #[test]
    fn every_value_of_the_known_families_is_found(value: u32, is_upper: bool, before in 0_usize..140) {
        let digits = if is_upper { format!("{value:08X}") } else { format!("{value:08x}") };
        let text = format!("{} [{digits}]", "-".repeat(before));
        prop_assert_eq!(codes(&text), word_by_word(&text));
    }
}
