use super::*;

#[test]
fn words_are_in_order() {
    assert!(WORDS.is_sorted());
}

#[test]
fn dates_are_no_part_of_a_name() {
    for (name, left) in [
        ("PC01_2024-08-20_CBS", "PC01_CBS"),
        ("PC01-20240820", "PC01"),
        ("20240820_PC01", "PC01"),
        ("PC01_20240820_103000", "PC01"),
        ("PC01 2024.8.2 10-30-00", "PC01"),
        ("PC01_2024-08-20T103000", "PC01"),
        ("2024-08-20", "2024-08-20"),
        ("PC20240820", "PC20240820"),
        ("YR-0042", "YR-0042"),
        ("银行-01_2024-08-20", "银行-01"),
    ] {
        assert_eq!(undated(name), left, "{name}");
    }
}

#[test]
fn names_of_computers_are_told_from_words() {
    for name in [
        "PC01",
        "YR-0042",
        "DESKTOP-AB12CD3",
        "财务-01",
        "br7-pc01",
        "W10-FIN-07",
    ] {
        assert!(is_like_a_computer(name), "{name}");
    }
    for name in [
        "CBS",
        "old",
        "log1",
        "before-fix",
        "after_fix",
        "2024",
        "KB5041580",
        "22H2",
        "x64",
        "v2",
        "copy-2",
        "Windows10",
        "CbsPersist1",
        "RECEPTION",
        "day-3",
        "S-1-5-21-1-2-3-1001",
        "8a7f3c9d2b1e4f60",
        "a",
        "",
    ] {
        assert!(!is_like_a_computer(name), "{name}");
    }
}

#[test]
fn an_archive_is_named_without_dates_and_words() {
    for (name, device) in [
        ("PC01_2024-08-20", "PC01"),
        ("PC01_CBS", "PC01"),
        ("logs-YR-0042", "YR-0042"),
        ("logs_PC01_20240820", "PC01"),
        ("fleet", "fleet"),
        ("old-logs", "old-logs"),
        ("2024-08-20", "2024-08-20"),
        ("YR-0042", "YR-0042"),
    ] {
        assert_eq!(device_name(name), device, "{name}");
    }
}
