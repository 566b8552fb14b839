use super::*;

fn claim(source: NameSource, at: Option<&str>, name: &str) -> NameClaim {
    NameClaim {
        source,
        written_at: at.map(|at| at.parse().unwrap()),
        name: name.to_owned(),
    }
}

#[track_caller]
fn check(claims: &[NameClaim], operator: Option<&str>, id: &str, name: Option<&str>) {
    let identity = identify(claims.iter(), operator, "folder").unwrap();
    assert_eq!(
        (identity.device_id.as_str(), identity.device_name.as_deref()),
        (id, name)
    );
}

#[test]
fn the_best_source_names_the_device() {
    let old = claim(
        NameSource::EventLog,
        Some("2020-01-01T00:00:00Z"),
        "WIN-SETUP",
    );
    let new = claim(
        NameSource::EventLog,
        Some("2024-01-01T00:00:00Z"),
        "yr-0042.corp.example",
    );
    let info = claim(NameSource::SystemInfo, None, "YR-0042");
    check(&[], None, "FOLDER", None);
    check(
        &[old.clone(), new.clone()],
        None,
        "YR-0042",
        Some("yr-0042"),
    );
    check(&[old, new, info], None, "YR-0042", Some("YR-0042"));
    check(
        &[claim(NameSource::Facts, None, "PC")],
        Some("asset-7"),
        "ASSET-7",
        Some("PC"),
    );
    check(
        &[claim(NameSource::EventLog, None, "10.1.2.3")],
        None,
        "10.1.2.3",
        Some("10.1.2.3"),
    );
}

#[test]
fn a_name_that_was_cut_is_completed() {
    let info = claim(NameSource::SystemInfo, None, "BRANCH-OFFICE-0");
    let log = claim(NameSource::EventLog, None, "branch-office-0042");
    check(
        &[info, log],
        None,
        "BRANCH-OFFICE-0042",
        Some("branch-office-0042"),
    );
}
