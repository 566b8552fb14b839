//! Names and types of every column that leaves this crate: the same names in Polars, Arrow and SQL.
//!
//! The order of a schema here is the order of the columns in the frame, in the Arrow stream and in
//! the `INSERT` statement of the store. Nobody else spells a column name.

use polars::prelude::*;

macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*
    };
}

columns! {
    /// The device, for ever.
    DEVICE_ID = "device_id";
    /// Content identity of the record, 32 hexadecimal digits.
    EVENT_ID = "event_id";
    /// The format that the record was read from.
    SOURCE = "source";
    /// `record`, `inventory` or `count`.
    KIND = "kind";
    /// UTC; null when the source states no time.
    OCCURRED_AT = "occurred_at";
    /// The device's wall clock as logged; null for UTC sources.
    OCCURRED_AT_LOCAL = "occurred_at_local";
    /// How the way from local time to UTC is known.
    ZONE_SOURCE = "zone_source";
    /// When the collector read it.
    COLLECTED_AT = "collected_at";
    /// Path inside the bundle.
    SOURCE_FILE = "source_file";
    /// Line of the first byte, from 1; 0 where the format has no lines.
    LINE_NUMBER = "line_number";
    /// Offset of the first byte in the undecoded file.
    BYTE_OFFSET = "byte_offset";
    /// Record number of an event log; null elsewhere.
    RECORD_ID = "record_id";
    /// Severity that the log gave it.
    LEVEL = "level";
    /// Component or event provider, empty when there is none.
    COMPONENT = "component";
    /// Event log channel, empty elsewhere.
    CHANNEL = "channel";
    /// Event id of an event log; null elsewhere.
    WINDOWS_EVENT_ID = "windows_event_id";
    /// The failing code that the record reports; null when it reports none.
    ERROR_CODE = "error_code";
    /// Every failing code in the record, in reading order.
    CODES = "codes";
    /// Number of the update's article; null when none is named.
    KB_ARTICLE = "kb_article";
    /// Package identity as logged, empty when none is named.
    PACKAGE = "package";
    /// What the record says about an attempt, empty when nothing.
    SIGNAL = "signal";
    /// The message with its variable parts masked.
    TEMPLATE = "template";
    /// The record as it stood.
    MESSAGE = "message";
    /// Named values as a JSON object.
    FIELDS = "fields";
    /// The device's name as it spells it, empty when only the id is known.
    DEVICE_NAME = "device_name";
    /// Topic (or `local`) that the event came from.
    TOPIC = "topic";
    /// Partition within the topic.
    PARTITION = "partition";
    /// Offset within the partition.
    OFFSET = "offset";
    /// Index of the event within its message.
    ROW = "row";
    /// Version of this crate's rules.
    TRANSFORM_VERSION = "transform_version";
    /// When the transform stage took it in.
    INGESTED_AT = "ingested_at";

    /// One device trying one update once.
    ATTEMPT_ID = "attempt_id";
    /// The update's title as the device shows it.
    TITLE = "title";
    /// First sign of the attempt.
    STARTED_AT = "started_at";
    /// Verdict of the attempt; null while it runs.
    ENDED_AT = "ended_at";
    /// `in_progress`, `installed`, `failed`, `rolled_back`, `cancelled`, `pending_restart` or `uninstalled`.
    OUTCOME = "outcome";
    /// How far the attempt got.
    FURTHEST_CLIENT_SUBSTATE = "furthest_client_substate";
    /// Where the update stands on the device.
    CLIENT_STATE = "client_state";
    /// Where the attempt ended.
    CLIENT_SUBSTATE = "client_substate";
    /// The code underneath a wrapper; null when there is none.
    INNER_CODE = "inner_code";
    /// Phase and operation of Windows Setup; null elsewhere.
    EXTEND_CODE = "extend_code";
    /// `scan`, `download`, `stage`, `install`, `restart`, `rollback` or empty.
    PHASE = "phase";
    /// The sources that told of the attempt.
    SOURCES = "sources";

    /// One cause with its culprit on one device.
    DIAGNOSIS_ID = "diagnosis_id";
    /// 0 is the device's verdict.
    RANK = "rank";
    /// Stable id of the cause.
    CAUSE = "cause";
    /// The coarse cause in the words of Microsoft's reports.
    ALERT_SUBTYPE = "alert_subtype";
    /// Symbol of the code, empty when not known.
    ERROR_SYMBOL = "error_symbol";
    /// The named thing at fault, empty when none is named.
    CULPRIT = "culprit";
    /// 0 to 1.
    CONFIDENCE = "confidence";
    /// Devices with the same key fail for the same reason.
    CLUSTER_KEY = "cluster_key";
    /// One sentence in English.
    SUMMARY_EN = "summary_en";
    /// One sentence in Chinese.
    SUMMARY_ZH = "summary_zh";
    /// What to do, in order, in English.
    ACTIONS_EN = "actions_en";
    /// What to do, in order, in Chinese.
    ACTIONS_ZH = "actions_zh";
    /// First evidence.
    FIRST_SEEN_AT = "first_seen_at";
    /// Last evidence.
    LAST_SEEN_AT = "last_seen_at";
    /// 0 when the update was installed later.
    IS_OPEN = "is_open";
    /// Order of the evidence within its diagnosis.
    SEQ = "seq";
    /// The evidence line.
    TEXT = "text";
    /// `verdict`, `cause`, `culprit` or `context`.
    ROLE = "role";

    /// Full build, `10.0.17763.2090`.
    OS_BUILD = "os_build";
    /// The third part of the build.
    OS_BUILD_NUMBER = "os_build_number";
    /// The fourth part of the build.
    UBR = "ubr";
    /// Product name.
    OS_NAME = "os_name";
    /// Edition id.
    OS_EDITION = "os_edition";
    /// `x64`, `x86` or `arm64`.
    ARCHITECTURE = "architecture";
    /// Model of the device.
    MODEL = "model";
    /// Manufacturer of the device.
    MANUFACTURER = "manufacturer";
    /// Site.
    SITE = "site";
    /// Deployment ring.
    RING = "ring";
    /// Display language.
    LOCALE = "locale";
    /// All inventory facts as a JSON object.
    FACTS = "facts";
}

fn utc() -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
}

fn local() -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, None)
}

fn list_of(inner: DataType) -> DataType {
    DataType::List(Box::new(inner))
}

fn schema_of(columns: impl IntoIterator<Item = (&'static str, DataType)>) -> Schema {
    columns
        .into_iter()
        .map(|(name, dtype)| Field::new(name.into(), dtype))
        .collect()
}

/// Schema of normalised events: grain one event, identity (`device_id`, `event_id`).
pub fn update_event() -> Schema {
    use DataType::{Int32, Int64, String, UInt32, UInt64};
    schema_of([
        (DEVICE_ID, String),
        (EVENT_ID, String),
        (SOURCE, String),
        (KIND, String),
        (OCCURRED_AT, utc()),
        (OCCURRED_AT_LOCAL, local()),
        (ZONE_SOURCE, String),
        (COLLECTED_AT, utc()),
        (SOURCE_FILE, String),
        (LINE_NUMBER, UInt64),
        (BYTE_OFFSET, UInt64),
        (RECORD_ID, UInt64),
        (LEVEL, String),
        (COMPONENT, String),
        (CHANNEL, String),
        (WINDOWS_EVENT_ID, UInt32),
        (ERROR_CODE, UInt32),
        (CODES, list_of(UInt32)),
        (KB_ARTICLE, UInt32),
        (PACKAGE, String),
        (SIGNAL, String),
        (TEMPLATE, String),
        (MESSAGE, String),
        (FIELDS, String),
        (DEVICE_NAME, String),
        (TOPIC, String),
        (PARTITION, Int32),
        (OFFSET, Int64),
        (ROW, UInt32),
        (TRANSFORM_VERSION, String),
        (INGESTED_AT, utc()),
    ])
}

/// Schema of attempts: grain one device trying one update once.
pub fn update_attempt() -> Schema {
    use DataType::{String, UInt32};
    schema_of([
        (DEVICE_ID, String),
        (ATTEMPT_ID, String),
        (KB_ARTICLE, UInt32),
        (TITLE, String),
        (STARTED_AT, utc()),
        (ENDED_AT, utc()),
        (OUTCOME, String),
        (FURTHEST_CLIENT_SUBSTATE, String),
        (CLIENT_STATE, String),
        (CLIENT_SUBSTATE, String),
        (ERROR_CODE, UInt32),
        (INNER_CODE, UInt32),
        (EXTEND_CODE, UInt32),
        (PHASE, String),
        (SOURCES, list_of(String)),
    ])
}

/// Schema of diagnoses: grain one cause with its culprit on one device.
pub fn diagnosis() -> Schema {
    use DataType::{Float64, String, UInt8, UInt16, UInt32};
    schema_of([
        (DEVICE_ID, String),
        (DIAGNOSIS_ID, String),
        (RANK, UInt16),
        (ATTEMPT_ID, String),
        (KB_ARTICLE, UInt32),
        (CAUSE, String),
        (ALERT_SUBTYPE, String),
        (ERROR_CODE, UInt32),
        (ERROR_SYMBOL, String),
        (INNER_CODE, UInt32),
        (CULPRIT, String),
        (CONFIDENCE, Float64),
        (CLUSTER_KEY, String),
        (PHASE, String),
        (SUMMARY_EN, String),
        (SUMMARY_ZH, String),
        (ACTIONS_EN, list_of(String)),
        (ACTIONS_ZH, list_of(String)),
        (FIRST_SEEN_AT, utc()),
        (LAST_SEEN_AT, utc()),
        (IS_OPEN, UInt8),
    ])
}

/// Schema of evidence: grain one record that supports one diagnosis.
pub fn evidence() -> Schema {
    use DataType::{String, UInt16, UInt64};
    schema_of([
        (DEVICE_ID, String),
        (DIAGNOSIS_ID, String),
        (SEQ, UInt16),
        (EVENT_ID, String),
        (SOURCE, String),
        (SOURCE_FILE, String),
        (LINE_NUMBER, UInt64),
        (BYTE_OFFSET, UInt64),
        (RECORD_ID, UInt64),
        (OCCURRED_AT, utc()),
        (TEXT, String),
        (ROLE, String),
    ])
}

/// Schema of devices: grain one device, its newest inventory.
pub fn device() -> Schema {
    use DataType::{String, UInt32};
    schema_of([
        (DEVICE_ID, String),
        (DEVICE_NAME, String),
        (OS_BUILD, String),
        (OS_BUILD_NUMBER, UInt32),
        (UBR, UInt32),
        (OS_NAME, String),
        (OS_EDITION, String),
        (ARCHITECTURE, String),
        (MODEL, String),
        (MANUFACTURER, String),
        (SITE, String),
        (RING, String),
        (LOCALE, String),
        (LAST_SEEN_AT, utc()),
        (FACTS, String),
    ])
}
