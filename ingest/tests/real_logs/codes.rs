//! In how many lines of each log a code stands.

use patchlens_event::Hresult;

use crate::shared::{parse, read};

#[test]
fn codes_stand_in_as_many_lines_as_were_counted() {
    // The second summands are lines with `hrDetailed[0x80247160]` and `Exit code = 0x8024402C`,
    // the first those with the digits in brackets.
    let expected: [(&str, &[(u32, usize)]); 10] = [
        (
            "cbs/loghub/Windows_2k.log",
            &[(0x800f_080d, 448), (0x800f_0805, 18)],
        ),
        (
            "cbs/win10-19041-fod-download-fails.log",
            &[(0x8024_402c, 237)],
        ),
        ("cbs/win11-26100-2026.log", &[(0x800f_0805, 376)]),
        ("cbs/win81-9600.log", &[(0x800f_0805, 70)]),
        (
            "windows_update/etw-19041-2024-05.log",
            &[
                (0x8024_7160, 79 + 39),
                (0x8024_0007, 45),
                (0x8024_402c, 36 + 2),
            ],
        ),
        (
            "windows_update/etw-bom-2024-03.log",
            &[(0x8024_8007, 239), (0x8007_0032, 98)],
        ),
        (
            "windows_update/etw-dash-dates-2024-04.log",
            &[(0x8007_0032, 288), (0x8024_000e, 227)],
        ),
        (
            "dism/russian-continuation.log",
            &[(0xc142_011c, 641), (0x8007_007b, 321), (0x8007_007e, 256)],
        ),
        (
            "setup/access-denied-579-lines/setuperr.log",
            &[(0x8007_0005, 579)],
        ),
        ("reporting_events/ReportingEvents.log", &[(0x8007_2ee2, 19)]),
    ];
    let mut wrong = Vec::new();
    for (path, codes) in expected {
        let Some(bytes) = read(path) else { return };
        let (_, _, seen) = parse(path, &bytes).unwrap();
        for (code, lines) in codes {
            let found = seen.codes.get(&Hresult(*code)).copied().unwrap_or(0);
            let digits = format!("{code:08x}");
            let written = seen
                .lines()
                .filter(|line| line.to_ascii_lowercase().contains(&digits))
                .count();
            if found != *lines || found != written {
                wrong.push(format!(
                    "{path}: {} found in {found} lines and written in {written}, not in {lines}",
                    Hresult(*code)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
