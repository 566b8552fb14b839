//! Records that are counted, not sent: how often each template stood in the logs of one day.
//!
//! A device's files may overlap: a log collected twice as it grew, or copied to two places. Files of
//! one source that share most of their records are copies of each other, and the larger count
//! stands; files that do not (a log and its archives) are parts of one log, and their counts add up.
//! Whether they share them is told from a small sample of each ([`Sample`]).

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hash, Hasher};

use ahash::{HashMap, RandomState};
use jiff::civil::Date;
use patchlens_event::{Event, EventId, Hresult, Kind, Level, Origin, SCHEMA_VERSION, Source};

use super::device::Device;
use crate::redact::Learned;
use crate::{Format, LoggedTime, Record};

/// How many templates of one file are told apart.
const TEMPLATES_MAX: usize = 50_000;
/// How many templates of one device are told apart; files beyond that are counted as a whole.
const DEVICE_TEMPLATES_MAX: usize = 200_000;
/// Stands for all templates beyond that.
const OTHER_TEMPLATE: &str = "<other>";
/// How many records of a file are kept to compare it with others.
const SAMPLE_MAX: usize = 512;

type DayCode = (Option<Date>, u32);

/// Hashes the records of samples. Not seeded at random, so that the same files are told apart in
/// the same way in every run.
const SAMPLE_HASHES: RandomState = RandomState::with_seeds(1, 2, 3, 4);

/// The records of a file with the smallest hashes: the same sample whatever the order, so that two
/// files with the same records have the same sample.
#[derive(Debug, Default, Clone)]
struct Sample(BTreeSet<u64>);

impl Sample {
    fn add(&mut self, hash: u64) {
        let full = self.0.len() >= SAMPLE_MAX;
        if full && self.0.last().is_some_and(|largest| hash >= *largest) {
            return;
        }
        if self.0.insert(hash) && full {
            self.0.pop_last();
        }
    }

    /// Up to which hash the sample is complete.
    fn complete_to(&self) -> u64 {
        let largest = self.0.last().filter(|_| self.0.len() >= SAMPLE_MAX);
        largest.copied().unwrap_or(u64::MAX)
    }

    /// True when most records of the file with fewer of them are in the other one too.
    fn overlaps(&self, other: &Self) -> bool {
        let limit = self.complete_to().min(other.complete_to());
        let comparable = |sample: &Self| sample.0.range(..=limit).count();
        let (small, large) = if comparable(self) <= comparable(other) {
            (self, other)
        } else {
            (other, self)
        };
        let shared = small
            .0
            .range(..=limit)
            .filter(|hash| large.0.contains(hash));
        let total = comparable(small);
        total > 0 && shared.count() * 2 > total
    }
}

/// Counts of one file.
#[derive(Debug, Default, Clone)]
pub(crate) struct FileNoise {
    counts: HashMap<DayCode, HashMap<String, u32>>,
    templates: usize,
    total: u64,
    sample: Sample,
}

impl FileNoise {
    /// Takes notice of a record, whether it is sent or counted.
    pub(super) fn saw(&mut self, record: &Record<'_>) {
        let mut hasher = SAMPLE_HASHES.build_hasher();
        record.time_text.hash(&mut hasher);
        record.message.hash(&mut hasher);
        self.sample.add(hasher.finish());
    }

    /// Counts one record.
    pub(super) fn count(&mut self, template: &str, code: Option<Hresult>, day: Option<Date>) {
        self.total += 1;
        let key = (day, code.map_or(0, |code| code.0));
        let of_day = self.counts.entry(key).or_default();
        let template = if self.templates >= TEMPLATES_MAX && !of_day.contains_key(template) {
            OTHER_TEMPLATE
        } else {
            template
        };
        if let Some(count) = of_day.get_mut(template) {
            *count = count.saturating_add(1);
        } else {
            self.templates += 1;
            of_day.insert(template.to_owned(), 1);
        }
    }

    /// Notes that there was one record, and nothing of it.
    pub(super) fn pass(&mut self) {
        self.total += 1;
    }

    /// Records counted.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Puts all templates of a day and code together.
    fn collapse(&mut self) {
        #[expect(clippy::iter_over_hash_type, reason = "every entry is handled alone")]
        for templates in self.counts.values_mut() {
            let sum = templates
                .drain()
                .fold(0_u32, |sum, (_, count)| sum.saturating_add(count));
            templates.insert(OTHER_TEMPLATE.to_owned(), sum);
        }
        self.templates = self.counts.len();
    }

    /// Adds further counts of the same file.
    pub(crate) fn add(&mut self, other: Self) {
        self.total = self.total.saturating_add(other.total);
        self.merge(other, u32::saturating_add);
    }

    /// Takes the counts of another file in.
    fn merge(&mut self, other: Self, combine: impl Fn(u32, u32) -> u32) {
        // The order does not matter: each count is combined with one other.
        #[expect(clippy::iter_over_hash_type, reason = "every entry is handled alone")]
        for (key, templates) in other.counts {
            let mine = self.counts.entry(key).or_default();
            #[expect(clippy::iter_over_hash_type, reason = "every entry is handled alone")]
            for (template, count) in templates {
                let sum = mine.entry(template).or_default();
                *sum = combine(*sum, count);
            }
        }
        for hash in other.sample.0 {
            self.sample.add(hash);
        }
    }
}

/// Counts of one device, by source.
#[derive(Debug, Default)]
pub(crate) struct Noise {
    /// Groups of files that are copies of each other, each with the name of its first file.
    sources: BTreeMap<Source, Vec<(String, FileNoise)>>,
    templates: usize,
}

impl Noise {
    /// Adds what was counted in one file.
    pub(crate) fn add_file(&mut self, source: Source, file: &str, mut noise: FileNoise) {
        let groups = self.sources.entry(source).or_default();
        let copy = groups
            .iter_mut()
            .find(|(_, group)| noise.sample.overlaps(&group.sample));
        if let Some((_, group)) = copy {
            return group.merge(noise, u32::max);
        }
        if self.templates.saturating_add(noise.templates) > DEVICE_TEMPLATES_MAX {
            noise.collapse();
        }
        self.templates = self.templates.saturating_add(noise.templates);
        groups.push((file.to_owned(), noise));
    }

    /// Makes one event of each count, ordered by source, day, code and template.
    /// `learned` are the names that its files told of.
    pub(crate) fn into_events(self, device: &Device, learned: &Learned) -> Vec<Event> {
        let redactor = &device.redactor;
        let redacted = |text: &str| {
            redactor
                .without_learned(redactor.text(text), learned)
                .into_owned()
        };
        let mut events = Vec::new();
        for (source, groups) in self.sources {
            let mut groups = groups.into_iter();
            let Some((file, mut whole)) = groups.next() else {
                continue;
            };
            for (_, group) in groups {
                whole.merge(group, u32::saturating_add);
            }
            // Templates that differ only in a name are one when the name is taken out.
            let mut counts: BTreeMap<(Option<Date>, u32, String), u32> = BTreeMap::new();
            #[expect(clippy::iter_over_hash_type, reason = "collected into a sorted map")]
            for ((day, code), templates) in whole.counts {
                #[expect(clippy::iter_over_hash_type, reason = "collected into a sorted map")]
                for (template, count) in templates {
                    let key = (day, code, redacted(&template));
                    let sum = counts.entry(key).or_default();
                    *sum = sum.saturating_add(count);
                }
            }
            let file = redacted(&file);
            events.extend(counts.into_iter().map(|((day, code, template), count)| {
                event(device, source, &file, day, code, template, count)
            }));
        }
        events
    }
}

fn event(
    device: &Device,
    source: Source,
    file: &str,
    day: Option<Date>,
    code: u32,
    template: String,
    count: u32,
) -> Event {
    let device_id = device.identity.device_id.clone();
    let day_text = day.map(|day| day.to_string()).unwrap_or_default();
    let local = day.map(|day| day.to_datetime(jiff::civil::Time::midnight()));
    // Any local format will do: a count has no zone of its own.
    let occurred = device.zones.occurred(
        local.map_or(LoggedTime::Unstated, LoggedTime::Local),
        Format::CbsLog,
    );
    Event {
        v: SCHEMA_VERSION,
        event_id: EventId::from_parts(&[
            b"count.v1",
            device_id.as_str().as_bytes(),
            source.as_str().as_bytes(),
            template.as_bytes(),
            &code.to_le_bytes(),
            day_text.as_bytes(),
            &count.to_le_bytes(),
        ]),
        device_id,
        device_name: device.identity.device_name.clone(),
        source,
        kind: Kind::Count,
        occurred_at: occurred.at,
        occurred_at_local: occurred.at_local,
        zone_source: occurred.zone_source,
        collected_at: device.collected_at,
        origin: Origin {
            file: file.to_owned(),
            line: 0,
            byte_offset: 0,
            record_id: None,
        },
        level: Level::Unknown,
        component: None,
        channel: None,
        windows_event_id: None,
        codes: if code == 0 {
            Vec::new()
        } else {
            vec![Hresult(code)]
        },
        template,
        message: String::new(),
        fields: BTreeMap::new(),
        count,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(records: impl Iterator<Item = u64>) -> Sample {
        let mut sample = Sample::default();
        for record in records {
            sample.add(SAMPLE_HASHES.hash_one(record));
        }
        sample
    }

    #[test]
    fn copies_are_told_from_parts_whatever_their_size() {
        for scale in [10, 1_000, 50_000] {
            let whole = sample(0..4 * scale);
            assert!(sample(0..3 * scale).overlaps(&whole), "grown, {scale}");
            assert!(
                whole.overlaps(&sample(2 * scale..5 * scale)),
                "trimmed, {scale}"
            );
            assert!(
                !whole.overlaps(&sample(4 * scale..8 * scale)),
                "next part, {scale}"
            );
            assert!(!Sample::default().overlaps(&whole));
        }
    }

    #[test]
    fn templates_beyond_the_limit_are_counted_together() {
        let mut noise = FileNoise::default();
        for number in 0..TEMPLATES_MAX + 10 {
            noise.count(&format!("template {number}"), None, None);
        }
        let counts = &noise.counts[&(None, 0)];
        assert_eq!(counts.len(), TEMPLATES_MAX + 1);
        assert_eq!(counts[OTHER_TEMPLATE], 10);
        noise.collapse();
        assert_eq!(
            u64::from(noise.counts[&(None, 0)][OTHER_TEMPLATE]),
            noise.total()
        );
    }

    proptest! {
        #[test]
        fn a_sample_does_not_depend_on_the_order(mut hashes in proptest::collection::vec(any::<u64>(), 0..2_000)) {
            let of = |hashes: &[u64]| {
                let mut sample = Sample::default();
                for hash in hashes {
                    sample.add(*hash);
                }
                sample.0
            };
            let forwards = of(&hashes);
            hashes.reverse();
            prop_assert_eq!(&forwards, &of(&hashes));
            hashes.sort_unstable();
            hashes.dedup();
            hashes.truncate(SAMPLE_MAX);
            prop_assert!(forwards.iter().eq(&hashes));
        }
    }
}
