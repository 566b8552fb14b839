//! Which names are one computer's.

use std::collections::BTreeSet;

use super::computers::computers;
use crate::evtx::Span;
use crate::identity::{NameClaim, NameSource, Named, Scan};

/// The log of one channel: names with the days of their first and last records.
fn log(names: &[(&str, u8, u8)]) -> Scan {
    let day = |day: u8| format!("2024-08-{day:02}T00:00:00Z").parse().unwrap();
    let computers = names.iter().map(|(name, from, to)| {
        let span = Span {
            first_at: day(*from),
            last_at: day(*to),
            first_number: u64::from(*from) * 10,
            last_number: u64::from(*to) * 10 + 1,
        };
        ((*name).to_owned(), Some(span))
    });
    Scan {
        named: Named {
            computers: computers.collect(),
            is_own: true,
        },
        ..Scan::default()
    }
}

fn info(name: &str) -> Scan {
    Scan {
        claim: Some(NameClaim {
            source: NameSource::SystemInfo,
            written_at: None,
            name: name.to_owned(),
        }),
        ..Scan::default()
    }
}

#[track_caller]
fn check(scans: &[Scan], expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(computers(scans), expected);
}

#[test]
fn a_renamed_computer_is_one() {
    let system = log(&[("WIN-3QK0V1N9M5T", 1, 1), ("OLD-1", 2, 5), ("NEW-1", 6, 20)]);
    let setup = log(&[("MININT-2V8KD31", 1, 1), ("OLD-1", 2, 3)]);
    check(
        &[system.clone(), setup, info("new-1.corp.example")],
        &["NEW-1"],
    );
    // The name is another's now: both logs are of two computers.
    let successor = log(&[("OLD-1", 8, 20)]);
    check(&[system, successor], &["NEW-1", "OLD-1"]);
}

#[test]
fn what_was_made_of_one_image_is_not_one() {
    let one = log(&[("GOLDEN", 1, 2), ("PC01", 3, 20)]);
    let two = log(&[("GOLDEN", 1, 2), ("PC02", 3, 20)]);
    let oldest = log(&[("GOLDEN", 1, 2)]);
    check(&[one, two, oldest], &["PC01", "PC02"]);
}

#[test]
fn a_name_that_was_cut_is_the_longer_one_where_there_is_one() {
    let one = log(&[("BRANCH-OFFICE-0042", 1, 2)]);
    let two = log(&[("BRANCH-OFFICE-0043", 1, 2)]);
    let cut = info("BRANCH-OFFICE-0");
    check(&[one.clone(), cut.clone()], &["BRANCH-OFFICE-0042"]);
    check(
        &[one, two, cut],
        &["BRANCH-OFFICE-0042", "BRANCH-OFFICE-0043"],
    );
}

#[test]
fn a_collection_of_logs_is_of_all_who_speak_in_it() {
    let mixed = log(&[("PC01", 1, 20), ("PC02", 2, 19)]);
    check(&[mixed], &["PC01", "PC02"]);
    let mut collected = log(&[("PC01", 1, 2), ("PC02", 3, 4)]);
    collected.named.is_own = false;
    check(&[collected], &["PC01", "PC02"]);
    // Setup's names count where there are no others.
    check(&[log(&[("WIN-3QK0V1N9M5T", 1, 2)])], &["WIN-3QK0V1N9M5T"]);
}
