//! The measures, against values worked out by hand.

use super::*;

fn device(
    id: &str,
    expected: Option<(&str, &str, bool)>,
    got: Option<(&str, &str)>,
) -> JudgedDevice {
    JudgedDevice {
        device_id: id.to_owned(),
        kind: "kind".to_owned(),
        expected: expected.map(|(cause, culprit, is_told)| Expected {
            cause: cause.to_owned(),
            culprit: (!culprit.is_empty()).then(|| culprit.to_owned()),
            cluster: format!("{cause}:{culprit}"),
            is_told,
        }),
        verdict: got.map(|(cause, culprit)| Verdict {
            cause: cause.to_owned(),
            confidence: if cause.starts_with("component-") {
                0.4
            } else {
                0.8
            },
            culprit: (!culprit.is_empty()).then(|| culprit.to_owned()),
            cluster: format!("v1:{cause}:{culprit}"),
            evidence: "CBS.log:1: text".to_owned(),
        }),
    }
}

fn close(left: f64, right: f64) {
    assert!((left - right).abs() < 1e-9, "{left} is not {right}");
}

#[test]
fn bcubed_agrees_with_a_sum_done_by_hand() {
    // Truth {a a a b b}, found {x x y y z}. Precision (1 + 1 + 1/2 + 1/2 + 1) / 5,
    // recall (2/3 + 2/3 + 1/3 + 1/2 + 1/2) / 5.
    let items = [("a", "x"), ("a", "x"), ("a", "y"), ("b", "y"), ("b", "z")];
    let scores = bcubed(items.into_iter()).unwrap();
    close(scores.precision, 0.8);
    close(scores.recall, (2.0 / 3.0 * 2.0 + 1.0 / 3.0 + 1.0) / 5.0);
    assert_eq!(bcubed(std::iter::empty()), None);
}

#[test]
fn one_bucket_for_all_costs_precision_and_a_bucket_each_costs_recall() {
    let coarse = bcubed([("a", "x"), ("b", "x")].into_iter()).unwrap();
    assert_eq!((coarse.precision, coarse.recall), (0.5, 1.0));
    let fine = bcubed([("a", "x"), ("a", "y")].into_iter()).unwrap();
    assert_eq!((fine.precision, fine.recall), (1.0, 0.5));
}

#[test]
fn each_kind_of_error_is_counted_where_it_belongs() {
    let found = evaluate(&[
        device(
            "right",
            Some(("disk-space", "C:", true)),
            Some(("disk-space", "C:")),
        ),
        device(
            "other",
            Some(("disk-space", "C:", true)),
            Some(("access-denied", "x")),
        ),
        device(
            "open",
            Some(("disk-space", "C:", true)),
            Some(("unknown", "")),
        ),
        device("missed", Some(("disk-space", "C:", true)), None),
        device(
            "silent log",
            Some(("disk-space", "C:", false)),
            Some(("unknown", "")),
        ),
        device(
            "guessed",
            Some(("disk-space", "C:", false)),
            Some(("registry-limit", "")),
        ),
        device(
            "offered",
            Some(("disk-space", "C:", false)),
            Some(("component-store-corrupt", "")),
        ),
        device("well", None, None),
        device("alarm", None, Some(("disk-space", ""))),
    ]);
    assert_eq!(
        (found.devices, found.healthy, found.false_alarms),
        (9, 2, 1)
    );
    assert_eq!((found.failing, found.cause_right, found.missed), (4, 1, 1));
    assert_eq!((found.unknown, found.untold), (1, 3));
    assert_eq!((found.untold_wrong, found.untold_doubtful), (1, 1));
    close(found.cause_accuracy.unwrap(), 0.25);
    assert_eq!((found.clusters_expected, found.clusters_found), (1, 4));
    let wrong: Vec<&str> = found
        .confusions
        .iter()
        .map(|c| c.device_id.as_str())
        .collect();
    assert_eq!(wrong, ["other", "open", "missed", "guessed", "alarm"]);
    let disk = found
        .causes
        .iter()
        .find(|c| c.cause == "disk-space")
        .unwrap();
    assert_eq!((disk.expected, disk.diagnosed, disk.right), (4, 1, 1));
    assert_eq!((disk.precision, disk.recall), (Some(1.0), Some(0.25)));
}

#[test]
fn a_culprit_counts_whatever_its_spelling() {
    let path = r"\\?\C:\Windows\WinSxS\x\WpdMtp.dll";
    let found = evaluate(&[
        device(
            "a",
            Some(("access-denied", "wpdmtp.DLL", true)),
            Some(("access-denied", path)),
        ),
        device(
            "b",
            Some(("access-denied", "cdrom.sys", true)),
            Some(("access-denied", path)),
        ),
        device(
            "c",
            Some(("access-denied", "cdrom.sys", true)),
            Some(("access-denied", "")),
        ),
    ]);
    assert_eq!((found.culprit_named, found.culprit_right), (3, 1));
    assert!(found.confusions.is_empty());
}
