//! One message per kind of variable part.

use super::{Stops, of, write};

fn template(message: &str) -> String {
    let mut out = String::from("left over");
    of(message, &mut out);
    out
}

#[test]
fn variable_parts_are_masked_and_words_are_kept() {
    let cases = [
        (
            "Failed to get next element [HRESULT = 0x800f080d - CBS_E_MANIFEST_INVALID_ITEM]",
            "Failed to get next element [HRESULT = <*> - CBS_E_MANIFEST_INVALID_ITEM]",
        ),
        (
            "00000007@2016/9/27:20:30:31.462 CSI perf trace:",
            "<*> CSI perf trace:",
        ),
        (
            "called (stack @0x7fed806eb5d @0x7fef9fb9b6d @0xff83e97c)",
            "called (stack @<*>)",
        ),
        (
            "service 8B24B027-1DEE-BABB-9A95-3517DFB9C552 - forceExpire[False]",
            "service <*> - forceExpire[False]",
        ),
        (
            "engine {d16d444c-56d8-11d5-882d-0080c847b195} with flags 00000002",
            "engine {<*>} with flags <*>",
        ),
        (
            "package: Package_for_KB3121255~31bf3856ad364e35~amd64~~6.1.1.0, CurrentState:112",
            "package: <*>, CurrentState:<*>",
        ),
        ("Installed KB5041580 on Win32", "Installed KB<*> on Win<*>"),
        (
            "into registry key '{bf1a}GLOBALROOT/x' from path 'C:\\a b'.",
            "into registry key '<*>' from path '<*>'.",
        ),
        (
            "component [l:84{42}]\"amd64_windows-id\" can't match",
            "component [l:<*>{<*>}]\"<*>\" can't match",
        ),
        (
            "Deleting C:\\Program Files\\Vendor X\\a.dll failed",
            "Deleting <*> failed",
        ),
        (
            "Path=C:\\WINDOWS\\uus\\wupscore.dll, next",
            "Path=<*>, next",
        ),
        (
            "Failed to delete \\\\?\\C:\\windows.old\\x.dll. hr = 0x80070005",
            "Failed to delete <*> hr = <*>",
        ),
        (
            "path used: /SLS/{9482F4B4-E343-43B6-B170-9A65BC822C77}/x64/10.0/0?CH=803&L=en-US",
            "path used: <*>",
        ),
        (
            "* END * Finding updates, Exit code = 0x0 (cV = abcdefghijklmnop.1.0.0)",
            "* END * Finding updates, Exit code = <*> (cV = <*>)",
        ),
        (
            "Session: 30546173_4261722401 initialized by client SPP.",
            "Session: <*> initialized by client SPP.",
        ),
        ("安装失败，错误0x800f0922。", "安装失败，错误<*>。"),
        (
            "Loading hive: SOFTWARE, from file: ntuser.dat, state: Installed, mode: ON",
            "Loading hive: <*>, from file: <*>, state: Installed, mode: ON",
        ),
        ("PID=5808   TID=1036\r", "PID=<*> TID=<*>"),
        ("first 1\nsecond 2", "first <*>"),
        ("", ""),
    ];
    for (message, expected) in cases {
        assert_eq!(template(message), expected, "{message}");
    }
}

/// Pieces of messages that mean something to a template, alone or beside each other.
const PIECES: [&str; 40] = [
    "a",
    "word",
    "cV",
    "c",
    "V",
    " = ",
    "=",
    ":",
    ": ",
    ":  ",
    "FOO",
    "FOO,",
    "a.log,",
    ",",
    ";",
    "'",
    "\"",
    "(",
    ")",
    "[",
    "<",
    "|",
    "\\",
    "/",
    "~",
    "é",
    "日本",
    " ",
    "  ",
    "\t",
    "7",
    "0x8",
    "31bf3856ad364e35",
    "feedface-feed-face-feed-facefeedface",
    "-",
    "C:\\x",
    "abcdefghijklmnop.1",
    "@",
    ".",
    "_",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]
    #[test]
    fn what_is_passed_over_would_have_been_kept(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES.as_slice()), 0..120)
    ) {
        let message = pieces.concat();
        let mut closely = String::new();
        write(&message, &mut closely, Stops::everywhere);
        proptest::prop_assert_eq!(template(&message), closely);
    }
}

proptest::proptest! {
    #[test]
    fn any_message_has_a_template_that_is_short_and_stable(message in ".{0,500}") {
        let once = template(&message);
        proptest::prop_assert!(once.len() <= 3 * super::MESSAGE_BYTES_MAX);
        proptest::prop_assert_eq!(&once, &template(&message));
        proptest::prop_assert!(!once.contains('\n'));
    }

    #[test]
    fn numbers_do_not_change_the_template(before in "[a-z]{1,8}", first in 0_u32.., second in 0_u32..) {
        proptest::prop_assert_eq!(template(&format!("{before} {first} end")), template(&format!("{before} {second} end")));
    }
}
