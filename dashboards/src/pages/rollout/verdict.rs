//! The sentences at the top of the rollout page.

use std::cmp::Ordering;

use super::model::{First, Summary};
use crate::format::{kb, number, share};
use crate::frame::Frame;
use crate::i18n::{self, Lang};

/// How far the rollout is, in one sentence.
pub(super) fn verdict(f: &Frame, s: &Summary) -> String {
    let is_narrowed = f.value("ring").is_some() || f.value("site").is_some();
    let key = if s.eligible == 0 && is_narrowed {
        "verdict.none_selected"
    } else if s.eligible == 0 {
        "verdict.no_devices"
    } else if s.installed == s.eligible {
        "verdict.done"
    } else if s.failed > 0 {
        "verdict.failing"
    } else if s.installed == 0 {
        "verdict.not_begun"
    } else {
        "verdict.under_way"
    };
    i18n::fill(
        f.lang,
        key,
        &[
            ("kb", &kb(Some(s.kb_article))),
            ("eligible", &number(s.eligible)),
            ("installed", &number(s.installed)),
            ("share", &share(s.installed, s.eligible)),
            ("failed", &number(s.failed)),
        ],
    )
}

/// How far it should be: the plan runs evenly from the start to the deadline. Empty without either, or when all is done.
pub(super) fn plan(f: &Frame, s: &Summary) -> String {
    let at = |time: &Option<String>| crate::format::epoch(time.as_deref()?);
    let (Some(start), Some(deadline), Some(now)) =
        (at(&s.started_at), at(&s.deadline_at), at(&s.as_of))
    else {
        return String::new();
    };
    let open = s.eligible - s.installed;
    if deadline <= start || now < start || open == 0 {
        return String::new();
    }
    let days = |seconds: i64| (seconds + DAY_S / 2) / DAY_S;
    if now >= deadline {
        return i18n::fill(
            f.lang,
            "verdict.late",
            &[
                ("late", &number(open)),
                ("days", &days(now - deadline).max(1)),
            ],
        );
    }
    let planned = planned(s.eligible, now - start, deadline - start);
    let key = match s.installed.cmp(&planned) {
        Ordering::Less => "verdict.behind",
        Ordering::Equal => "verdict.on_plan",
        Ordering::Greater => "verdict.ahead",
    };
    i18n::fill(
        f.lang,
        key,
        &[
            ("devices", &number(s.installed.abs_diff(planned))),
            ("planned", &number(planned)),
            ("days", &days(deadline - now).max(1)),
        ],
    )
}

/// Seconds of a day.
const DAY_S: i64 = 86_400;

/// The devices that the plan has after `elapsed` of `whole` seconds.
fn planned(eligible: u64, elapsed: i64, whole: i64) -> u64 {
    let share = |seconds: i64| u128::try_from(seconds).unwrap_or_default();
    let devices = u128::from(eligible) * share(elapsed) / share(whole).max(1);
    u64::try_from(devices).unwrap_or(eligible).min(eligible)
}

/// What holds it back: the largest cluster, then the silent devices.
pub(super) fn blocker(f: &Frame, s: &Summary, first: &[First]) -> String {
    let mut sentences = Vec::new();
    if let Some(top) = first.first() {
        let mut cause = f.cause(&top.cause, top.confidence);
        if !top.culprit.is_empty() {
            cause = i18n::fill(
                f.lang,
                "verdict.culprit",
                &[
                    ("cause", &cause),
                    ("culprit", &crate::format::culprit(&top.culprit, 60)),
                ],
            );
        }
        sentences.push(i18n::fill(
            f.lang,
            "verdict.blocker",
            &[
                ("devices", &number(top.devices)),
                ("failed", &number(s.failed.max(top.devices))),
                ("cause", &cause),
            ],
        ));
    }
    let silent = s.stale + s.never_seen;
    if silent > 0 {
        sentences.push(f.fill("verdict.silent", number(silent)));
    }
    if s.pending_restart > 0 {
        sentences.push(f.fill("verdict.restart", number(s.pending_restart)));
    }
    // Chinese sets no space between sentences.
    sentences.join(if f.lang == Lang::Zh { "" } else { " " })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(installed: u64, failed: u64) -> Summary {
        Summary {
            kb_article: 5_041_580,
            eligible: 106,
            installed,
            failed,
            stale: 4,
            ..Summary::default()
        }
    }

    #[test]
    fn the_verdict_follows_the_numbers_in_both_languages() {
        let en = Frame::default();
        let zh = Frame {
            lang: Lang::Zh,
            ..Frame::default()
        };
        assert!(verdict(&en, &summary(106, 0)).contains("KB5041580"));
        assert!(verdict(&en, &summary(71, 23)).contains("71 of 106"));
        assert!(verdict(&zh, &summary(71, 23)).contains("106 台"));
        assert_ne!(verdict(&en, &summary(71, 0)), verdict(&en, &summary(0, 0)));
        assert!(verdict(&en, &Summary::default()).contains("no devices"));
    }

    #[test]
    fn the_plan_says_how_far_the_rollout_should_be() {
        let f = Frame::default();
        let mut s = Summary {
            started_at: Some("2024-08-14 00:00:00".to_owned()),
            deadline_at: Some("2024-08-24 00:00:00".to_owned()),
            as_of: Some("2024-08-19 00:00:00".to_owned()),
            ..summary(71, 23)
        };
        assert_eq!(
            plan(&f, &s),
            "The plan has 53 devices by now: 18 ahead, 5 days to the deadline."
        );
        s.installed = 40;
        assert!(plan(&f, &s).contains("13 behind"), "{}", plan(&f, &s));
        s.as_of = Some("2024-08-26 08:00:00".to_owned());
        assert!(plan(&f, &s).contains("passed 2 days"), "{}", plan(&f, &s));
        s.installed = s.eligible;
        assert_eq!(plan(&f, &s), "");
        s.deadline_at = None;
        assert_eq!(plan(&f, &s), "");
    }

    #[test]
    fn the_blocker_names_cause_and_culprit() {
        let first = First {
            cause: "component-store-corrupt".to_owned(),
            culprit: "dot3gpui.dll".to_owned(),
            devices: 11,
            ..First::default()
        };
        let text = blocker(&Frame::default(), &summary(71, 23), &[first]);
        assert!(
            text.contains("dot3gpui.dll")
                && text.contains("11 of the 23 failing devices")
                && text.contains("4 devices are silent"),
            "{text}"
        );
        assert!(!text.contains('{'), "{text}");
    }
}
