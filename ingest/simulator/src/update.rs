//! The updates of a simulation, and how attempts at them are timed in every log.

use jiff::Timestamp;

use crate::{Release, device::Device, random::Random};

/// An update that simulated devices know: the rollout's, or one of an earlier month.
#[derive(Debug, Clone)]
pub(crate) struct KnownUpdate {
    pub(crate) kb_article: u32,
    pub(crate) month: String,
    pub(crate) ubr: u32,
    /// Package identity.
    pub(crate) package: String,
    pub(crate) update_id: String,
    pub(crate) bundled_id: String,
    pub(crate) revision: u32,
}

impl KnownUpdate {
    /// All updates of a release, the rollout's own first.
    pub(crate) fn of(release: &Release, seed: u64) -> Vec<Self> {
        let known = |kb_article: u32, month: &str, ubr: u32| {
            let mut random = Random::for_path(&[seed, 0x0b, u64::from(kb_article)]);
            Self {
                kb_article,
                month: month.to_owned(),
                ubr,
                package: format!(
                    "Package_for_RollupFix~31bf3856ad364e35~amd64~~{}.{ubr}.{}",
                    release.base_build, release.package_revision
                ),
                update_id: random.guid(),
                bundled_id: random.guid(),
                revision: random.between(200, 202),
            }
        };
        let earlier = release
            .earlier
            .iter()
            .map(|update| known(update.kb_article, &update.month, update.ubr));
        std::iter::once(known(release.kb_article, &release.month, release.ubr))
            .chain(earlier)
            .collect()
    }

    /// Id and revision, as the update client prints them together.
    pub(crate) fn identity(&self) -> String {
        format!("{}.{}", self.update_id, self.revision)
    }

    /// Its title on this device.
    pub(crate) fn title(&self, device: &Device) -> String {
        let kb = format!("KB{}", self.kb_article);
        device
            .language
            .texts()
            .update_title
            .replace("{month}", &self.month)
            .replace("{version}", device.version())
            .replace("{kb}", &kb)
            .replace("Windows 10", device.product())
    }
}

/// The servicing session of an attempt that began at this instant: the same in every log. Servicing names
/// sessions by the two halves of the FILETIME at which they are opened.
pub(crate) fn session_id(at: Timestamp) -> String {
    let file_time =
        (at.as_second() + 11_644_473_600) * 10_000_000 + i64::from(at.subsec_nanosecond() / 100);
    format!("{}_{}", file_time >> 32, file_time & 0xffff_ffff)
}

/// When, after it began, an attempt reaches the servicing stack, in seconds.
pub(crate) const SERVICING_BEGINS: u32 = 240;
/// How long a restart takes until the device is up again, in seconds.
pub(crate) const RESTART_TAKES: u32 = 120;

/// How long after a restart began the update client knows its result, in seconds.
pub(crate) const VERDICT_AFTER: u32 = 440;

/// A number with separators between its thousands.
pub(crate) fn grouped(number: u32, separator: &str) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push_str(separator);
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_as_the_servicing_stack_names_it() {
        // Seen in the wild: 31069298_1369393361 was opened in the second after 2023-11-11 07:40:18.892 UTC.
        let id = session_id("2023-11-11T07:40:18.9Z".parse().unwrap());
        assert!(id.starts_with("31069298_1369"), "{id}");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(1_234_567, ","), "1,234,567");
        assert_eq!(grouped(999, ","), "999");
    }
}
