//! Records that are counted, not sent: how often each template stood in the logs of one day.
//!
//! A device's files may overlap: a log collected twice as it grew, or copied to two places. Files of
//! one source that share most of their sent events are copies of each other, and the larger count
//! stands; files that do not (a log and its archives) are parts of one log, and their counts add up.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::Date;
use patchlens_event::{Event, EventId, Hresult, Kind, Level, Origin, SCHEMA_VERSION, Source};

use super::device::Device;
use crate::{Format, LoggedTime};

/// How many templates of one file are told apart.
const TEMPLATES_MAX: usize = 50_000;
/// Stands for all templates beyond that.
const OTHER_TEMPLATE: &str = "<other>";
/// How many sent events of a file are remembered to tell copies from parts.
const IDS_MAX: usize = 50_000;

type DayCode = (Option<Date>, u32);

/// Counts of one file.
#[derive(Debug, Default)]
pub(super) struct FileNoise {
    counts: HashMap<DayCode, HashMap<String, u32>>,
    templates: usize,
    total: u64,
    ids: HashSet<EventId>,
}

impl FileNoise {
    /// Remembers that an event was sent.
    pub(super) fn saw(&mut self, event_id: &EventId) {
        if self.ids.len() < IDS_MAX {
            self.ids.insert(event_id.clone());
        }
    }

    /// Counts one record.
    pub(super) fn count(&mut self, template: &str, code: Option<Hresult>, day: Option<Date>) {
        self.total += 1;
        let of_day = self
            .counts
            .entry((day, code.map_or(0, |code| code.0)))
            .or_default();
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

    /// Records counted.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// True when most of the sent events of the smaller file are in the other one too.
    fn is_copy_of(&self, other: &Self) -> bool {
        let (small, large) = if self.ids.len() <= other.ids.len() {
            (&self.ids, &other.ids)
        } else {
            (&other.ids, &self.ids)
        };
        !small.is_empty() && small.iter().filter(|id| large.contains(*id)).count() * 2 > small.len()
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
        self.ids.extend(other.ids);
    }
}

/// Counts of one device, by source.
#[derive(Debug, Default)]
pub(super) struct Noise {
    /// Groups of files that are copies of each other, each with the name of its first file.
    sources: BTreeMap<Source, Vec<(String, FileNoise)>>,
}

impl Noise {
    /// Adds what was counted in one file.
    pub(super) fn add_file(&mut self, source: Source, file: &str, noise: FileNoise) {
        let groups = self.sources.entry(source).or_default();
        match groups.iter_mut().find(|(_, group)| noise.is_copy_of(group)) {
            Some((_, group)) => group.merge(noise, u32::max),
            None => groups.push((file.to_owned(), noise)),
        }
    }

    /// Makes one event of each count, ordered by source, day, code and template.
    pub(super) fn into_events(self, device: &Device<'_>) -> Vec<Event> {
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
                    let key = (day, code, device.redactor.text(&template).into_owned());
                    let sum = counts.entry(key).or_default();
                    *sum = sum.saturating_add(count);
                }
            }
            let file = device.redactor.text(&file).into_owned();
            events.extend(counts.into_iter().map(|((day, code, template), count)| {
                event(device, source, &file, day, code, template, count)
            }));
        }
        events
    }
}

fn event(
    device: &Device<'_>,
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
        collected_at: device.options.collected_at,
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
