//! What the tests share: from a path to diagnoses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jiff::Timestamp;
use patchlens_event::{
    DeviceId, Event, EventId, Kind, Level, Origin, Reject, SCHEMA_VERSION, Source, ZoneSource,
};
use patchlens_ingest::collect::{CollectOptions, EventSink, SinkError, read_path};
use patchlens_transform::{
    Diagnosed, Knowledge, Reference, RowOrigin, TRANSFORM_VERSION, diagnose, events_frame,
    normalise, schema,
};
use polars::prelude::*;

pub static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| Knowledge::builtin().unwrap());

/// The folder of shared test material; `None` (and a line saying so) when it is not there.
pub fn shared(part: &str) -> Option<PathBuf> {
    let root = std::env::var("PATCHLENS_SHARED").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    let path = root.join(part);
    if path.exists() {
        return Some(path);
    }
    assert!(
        std::env::var("PATCHLENS_REQUIRE_SHARED").as_deref() != Ok("1"),
        "{} is required and not there",
        path.display()
    );
    eprintln!("skipped: {} is not there", path.display());
    None
}

#[derive(Default)]
struct Events(Vec<Event>);

impl EventSink for Events {
    fn event(&mut self, event: Event) -> Result<(), SinkError> {
        self.0.push(event);
        Ok(())
    }

    fn reject(&mut self, _: Reject) -> Result<(), SinkError> {
        Ok(())
    }
}

pub fn collected_at() -> Timestamp {
    "2024-09-01T12:00:00Z".parse().unwrap()
}

/// Collects a path as one device or, without a device, as the collector finds them.
pub fn collect(path: &Path, device: Option<&str>) -> Vec<Event> {
    let mut events = Events::default();
    let options = CollectOptions {
        device: device.map(str::to_owned),
        ..CollectOptions::new(collected_at())
    };
    read_path(path, &options, &mut events).unwrap();
    events.0
}

pub fn frame(events: &[Event]) -> DataFrame {
    let rows: Vec<(Event, RowOrigin)> = events
        .iter()
        .map(|event| (event.clone(), RowOrigin::default()))
        .collect();
    normalise(
        events_frame(&rows, TRANSFORM_VERSION, collected_at()).unwrap(),
        &KNOWLEDGE,
    )
    .unwrap()
}

pub fn reference(dir: &Path) -> Reference {
    let mut reference = Reference::default();
    for entry in std::fs::read_dir(dir)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.path().extension().is_some_and(|ext| ext == "csv"))
    {
        reference
            .add_csv(
                &entry.file_name().to_string_lossy(),
                &std::fs::read(entry.path()).unwrap(),
            )
            .unwrap();
    }
    reference
}

pub fn judge(events: &[Event], reference: &Reference) -> Verdicts {
    Verdicts(diagnose(&frame(events), reference, &KNOWLEDGE).unwrap())
}

/// What was derived, with rows as maps from column to text.
pub struct Verdicts(pub Diagnosed);

pub type Row = BTreeMap<String, String>;

pub fn rows(frame: &DataFrame) -> Vec<Row> {
    let cell = |column: &Column, row: usize| match column.get(row).unwrap() {
        AnyValue::Null => String::new(),
        AnyValue::String(text) => text.to_owned(),
        AnyValue::StringOwned(text) => text.to_string(),
        AnyValue::List(list) => list
            .iter()
            .map(|item| item.get_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
            .join("\n"),
        // Polars prints a time with a zone only when it is built with the zone database.
        AnyValue::Datetime(time, ..) | AnyValue::DatetimeOwned(time, ..) => {
            Timestamp::from_microsecond(time).unwrap().to_string()
        }
        other => other.to_string(),
    };
    (0..frame.height())
        .map(|row| {
            frame
                .columns()
                .iter()
                .map(|column| (column.name().to_string(), cell(column, row)))
                .collect()
        })
        .collect()
}

pub fn hex(row: &Row, column: &str) -> String {
    row[column]
        .parse::<u32>()
        .map_or_else(|_| String::new(), |code| format!("0x{code:08x}"))
}

impl Verdicts {
    pub fn diagnoses(&self) -> Vec<Row> {
        rows(&self.0.diagnoses)
    }

    /// Diagnoses that still stand.
    pub fn open(&self) -> Vec<Row> {
        self.diagnoses()
            .into_iter()
            .filter(|row| row[schema::IS_OPEN] == "1")
            .collect()
    }

    pub fn attempts(&self) -> Vec<Row> {
        rows(&self.0.attempts)
    }

    pub fn evidence_of(&self, diagnosis: &Row) -> Vec<Row> {
        rows(&self.0.evidence)
            .into_iter()
            .filter(|row| row[schema::DIAGNOSIS_ID] == diagnosis[schema::DIAGNOSIS_ID])
            .collect()
    }

    /// A short account for failure messages.
    pub fn account(&self) -> String {
        let mut lines = Vec::new();
        for a in self.attempts() {
            lines.push(format!(
                "attempt kb={} {}..{} {} phase={} code={} inner={} [{}]",
                a["kb_article"],
                a["started_at"],
                a["ended_at"],
                a["outcome"],
                a["phase"],
                hex(&a, "error_code"),
                hex(&a, "inner_code"),
                a["sources"].replace('\n', " ")
            ));
        }
        for d in self.diagnoses() {
            lines.push(format!(
                "{} {} culprit={:?} conf={} kb={} code={} inner={} open={} key={}",
                d["rank"],
                d["cause"],
                d["culprit"],
                d["confidence"],
                d["kb_article"],
                hex(&d, "error_code"),
                hex(&d, "inner_code"),
                d["is_open"],
                d["cluster_key"]
            ));
            for e in self.evidence_of(&d) {
                lines.push(format!(
                    "    {} {}:{} {}",
                    e["role"],
                    e["source_file"],
                    e["line_number"],
                    e["text"]
                        .lines()
                        .next()
                        .unwrap_or_default()
                        .chars()
                        .take(140)
                        .collect::<String>()
                ));
            }
        }
        lines.join("\n")
    }
}

/// An event made by hand: a record of a text log.
pub fn record(
    source: Source,
    component: &str,
    level: Level,
    second: i64,
    line: u64,
    message: &str,
) -> Event {
    let occurred_at = Timestamp::from_second(1_724_140_800 + second).unwrap();
    let codes: Vec<_> = patchlens_ingest::codes::find(message).collect();
    Event {
        v: SCHEMA_VERSION,
        event_id: EventId::from_parts(&[
            source.as_str().as_bytes(),
            &second.to_le_bytes(),
            &line.to_le_bytes(),
            message.as_bytes(),
        ]),
        device_id: DeviceId::new("TEST-1").unwrap(),
        device_name: Some("TEST-1".to_owned()),
        source,
        kind: Kind::Record,
        occurred_at: Some(occurred_at),
        occurred_at_local: None,
        zone_source: ZoneSource::Device,
        collected_at: collected_at(),
        origin: Origin {
            file: format!("{}.log", source.as_str()),
            line,
            byte_offset: line * 100,
            record_id: None,
        },
        level,
        component: Some(component.to_owned()),
        channel: None,
        windows_event_id: None,
        codes,
        template: message.to_owned(),
        message: message.to_owned(),
        fields: BTreeMap::new(),
        count: 1,
    }
}

/// An event log record made by hand.
pub fn event(provider: &str, id: u32, second: i64, fields: &[(&str, &str)]) -> Event {
    let values: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let message = format!("{provider}:{id} {}", values.join(" "));
    let mut event = record(Source::EventLog, provider, Level::Info, second, 0, &message);
    event.windows_event_id = Some(id);
    event.origin.record_id = Some(u64::try_from(second).unwrap_or_default());
    event.zone_source = ZoneSource::Record;
    event.fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    event
}

/// An inventory reading made by hand.
pub fn inventory(second: i64, facts: &[(&str, &str)]) -> Event {
    let mut event = record(
        Source::Inventory,
        "",
        Level::Unknown,
        second,
        1,
        "inventory",
    );
    event.kind = Kind::Inventory;
    event.component = None;
    event.occurred_at = None;
    event.codes = Vec::new();
    event.fields = facts
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    event
}
