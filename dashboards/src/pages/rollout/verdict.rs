//! The sentences at the top of the rollout page.

use super::model::{First, Summary};
use crate::format::{kb, number, share};
use crate::frame::Frame;
use crate::i18n::{self, Lang};

/// How far the rollout is, in one sentence.
pub(super) fn verdict(f: &Frame, s: &Summary) -> String {
    let key = if s.eligible == 0 {
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

/// What holds it back: the largest cluster, then the silent devices.
pub(super) fn blocker(f: &Frame, s: &Summary, first: &[First]) -> String {
    let mut sentences = Vec::new();
    if let Some(top) = first.first() {
        let mut cause = f.label("cause", &top.cause);
        if !top.culprit.is_empty() {
            cause = i18n::fill(
                f.lang,
                "verdict.culprit",
                &[
                    ("cause", &cause),
                    ("culprit", &crate::format::short(&top.culprit, 60)),
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
