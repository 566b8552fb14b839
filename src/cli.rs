//! Arguments as typed, before configuration is resolved.

#[cfg(feature = "fleet")]
mod reference;
mod tokens;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::output::Format;

#[cfg(feature = "fleet")]
mod simulation;

#[cfg(feature = "fleet")]
pub(crate) use reference::{ReferenceAction, Removal};
#[cfg(feature = "fleet")]
pub(crate) use simulation::{Evaluate, Mix, Simulate};
pub(crate) use tokens::{GatewayAction, ServeAction};
#[cfg(feature = "fleet")]
pub(crate) use tokens::{ReaderAction, TokenAction, TokenScope};

/// Fleet-wide patch-state analytics: which devices fail an update, for which reason, with proof.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 done; 1 done, but some input was rejected or waits in the spool (and where it is kept); 2 failed.\n\
                  Settings: flag, then environment, then --config file, then default; `patchlens check-config` shows them."
)]
pub(crate) struct Arguments {
    /// Configuration file (TOML)
    #[arg(long, global = true, env = "PATCHLENS_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// More log output on stderr; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(flatten)]
    pub(crate) ends: Ends,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The two interchangeable ends: event log and store.
#[derive(Debug, Args)]
pub(crate) struct Ends {
    /// Where the embedded edition keeps its log and its database
    #[arg(long, global = true, env = "PATCHLENS_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The event log: kafka://broker:9092 or local:DIR [default: local, in the data directory]
    #[arg(long, global = true, env = "PATCHLENS_EVENT_LOG", value_name = "URL")]
    pub(crate) event_log: Option<String>,
    /// The store: a ClickHouse HTTP URL [default: the embedded engine, in the data directory]
    #[arg(
        long,
        global = true,
        env = "PATCHLENS_STORE",
        value_name = "URL",
        hide = !cfg!(feature = "fleet")
    )]
    pub(crate) store: Option<String>,
    /// The ClickHouse engine library for the embedded store
    #[arg(
        long,
        global = true,
        hide = !cfg!(feature = "fleet"),
        env = "PATCHLENS_LIBCHDB",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub(crate) libchdb: Option<PathBuf>,
    /// Address of the embedded store's ClickHouse HTTP interface
    #[arg(
        long,
        global = true,
        hide = !cfg!(feature = "fleet"),
        env = "PATCHLENS_STORE_HTTP",
        value_name = "ADDR:PORT"
    )]
    pub(crate) store_http: Option<String>,
    /// Directory of your own rules: cause files (*.toml), signals.toml, codes.csv; see docs/causes.md
    #[arg(
        long,
        global = true,
        hide = !cfg!(feature = "fleet"),
        env = "PATCHLENS_KNOWLEDGE",
        value_name = "DIR",
        hide_env_values = true
    )]
    pub(crate) knowledge: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What needs more than an endpoint has
    #[cfg(feature = "fleet")]
    #[command(flatten)]
    Fleet(Fleet),
    /// Say what is in log files: format, encoding, records, rejects
    Inspect(Inspect),
    /// Read log bundles and ship their events to the event log
    Collect(Collect),
    /// Show the settings in force, or what is wrong with them
    CheckConfig,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

impl Command {
    /// Whether the command answers a question and ends: its stderr is for what is wrong, not for the steps taken.
    pub(crate) fn is_question(&self) -> bool {
        match self {
            #[cfg(feature = "fleet")]
            Self::Fleet(command) => command.is_question(),
            Self::Inspect(_) | Self::CheckConfig | Self::Completions { .. } => true,
            Self::Collect(_) => false,
        }
    }
}

#[cfg(feature = "fleet")]
impl Fleet {
    fn is_question(&self) -> bool {
        match self {
            Self::Diagnose(_)
            | Self::Explain(_)
            | Self::Code(_)
            | Self::Reference(_)
            | Self::Sql(_)
            | Self::Report(_)
            | Self::Simulate(_)
            | Self::Evaluate(_) => true,
            Self::Alert(alert) => alert.once || alert.check || alert.back_test.is_some(),
            Self::Demo(_)
            | Self::Gateway(_)
            | Self::Transform(_)
            | Self::Serve(_)
            | Self::Standalone(_)
            | Self::Migrate
            | Self::ReplayRejects(_) => false,
        }
    }
}

#[cfg(feature = "fleet")]
#[derive(Debug, Subcommand)]
pub(crate) enum Fleet {
    /// The main job on this machine alone: a simulated rollout, collected, analysed and shown
    Demo(Demo),
    /// Say what failed on devices, why, with evidence, and what to do (offline, no store)
    Diagnose(Diagnose),
    /// Explain a failure cluster of the store: what made its key, the rule, the lines, what was rejected
    Explain(Explain),
    /// Explain an error code: what it means, what is behind it, what to do first
    Code(Code),
    /// Take events and bundles over HTTP, or manage the collectors' tokens
    Gateway(Gateway),
    /// Move events from the event log through analysis into the store
    Transform(Transform),
    /// Serve the dashboards
    Serve(Serve),
    /// Evaluate the alert rules, keep what they find, and tell Alertmanager and webhooks
    Alert(Alert),
    /// All services in one process, with embedded event log and store
    Standalone(Standalone),
    /// Bring the store's tables and views up to date
    Migrate,
    /// Load, list and remove reference data: planned rollouts, prerequisites, published hashes
    Reference(Reference),
    /// Ask the store a question in SQL
    Sql(Sql),
    /// A report on a rollout, a cluster or a device
    Report(Report),
    /// Write the log bundles of a simulated rollout
    Simulate(Simulate),
    /// Measure diagnoses and clusters against a simulated rollout whose truth is known
    Evaluate(Evaluate),
    /// Try again what was rejected, with today's parsers
    ReplayRejects(ReplayRejects),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Number of devices in the rollout
    #[arg(long, default_value_t = 110, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) devices: u32,
    /// Seed of the simulation: the same seed makes the same rollout
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// End after loading instead of serving the dashboards
    #[arg(long)]
    pub(crate) exit: bool,
    /// Form of the summary
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) addresses: Addresses,
}

#[derive(Debug, Args)]
pub(crate) struct Addresses {
    /// Address of the dashboards
    #[arg(long, env = "PATCHLENS_HTTP", value_name = "ADDR:PORT")]
    pub(crate) http: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Diagnose {
    /// Log bundles: directories, archives or single logs, of one device or of many
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) format: ReportFormat,
    /// Language of summaries and actions
    #[arg(long, value_enum, default_value_t = Language::En)]
    pub(crate) lang: Language,
    /// Directory of CSV files: published package hashes, prerequisites, target builds
    #[arg(long, value_name = "DIR")]
    pub(crate) reference: Option<PathBuf>,
    /// Also say why: which rule holds on what, what made the cluster key, what was rejected
    #[arg(long)]
    pub(crate) explain: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// A language that reports are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// English
    En,
    /// Simplified Chinese
    Zh,
}

/// How log bundles are read.
#[derive(Debug, Args)]
pub(crate) struct Reading {
    /// The device that the logs are from, when they do not say or say wrong (one PATH only)
    #[arg(long, value_name = "NAME")]
    pub(crate) device: Option<String>,
    /// Offset from UTC to assume for local log times when the logs do not say, such as +08:00
    #[arg(long, value_name = "±HH:MM", allow_hyphen_values = true)]
    pub(crate) assume_utc_offset: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Key of the cluster, as `patchlens report rollout` and the dashboards show it
    #[arg(value_name = "CLUSTER_KEY")]
    pub(crate) cluster_key: String,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Language of the summary
    #[arg(long, value_enum, default_value_t = Language::En)]
    pub(crate) lang: Language,
}

#[derive(Debug, Args)]
#[expect(
    clippy::struct_field_names,
    reason = "the argument of `patchlens code` is called CODE"
)]
pub(crate) struct Code {
    /// 0x80240439, 8024200d, -2145116147, 2147942405, 5 (Win32), c0000022 (NTSTATUS),
    /// 0xC1900101-0x20017, a symbol or a part of one
    #[arg(required = true, value_name = "CODE", allow_hyphen_values = true)]
    pub(crate) code: String,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Language of meanings and remedies
    #[arg(long, value_enum, default_value_t = Language::En)]
    pub(crate) lang: Language,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Files, directories or .zip files
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Collect {
    /// Log bundles: directories, archives or single logs, of one device or of many
    #[arg(required_unless_present = "drain", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Where to: kafka://broker:9092, http(s)://gateway or local:DIR [default: the configured event log]
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,
    /// File that holds the token for a gateway [default: PATCHLENS_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Keep reading what is added to the logs, until stopped
    #[arg(long)]
    pub(crate) follow: bool,
    /// Only hand over what waits in the spool
    #[arg(long, conflicts_with_all = ["paths", "follow"])]
    pub(crate) drain: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

#[derive(Debug, Args)]
pub(crate) struct Gateway {
    #[command(flatten)]
    pub(crate) listen: Listen,
    #[command(subcommand)]
    pub(crate) action: Option<GatewayAction>,
}

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Address of the gateway; other machines reach it only with tokens
    #[arg(
        id = "gateway_http",
        long = "gateway",
        env = "PATCHLENS_GATEWAY",
        value_name = "ADDR:PORT"
    )]
    pub(crate) http: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Transform {
    /// End when everything that is in the event log has been moved
    #[arg(long)]
    pub(crate) until_idle: bool,
    /// Serve /healthz, /readyz and /metrics at this address
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) health: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) addresses: Addresses,
    #[command(subcommand)]
    pub(crate) action: Option<ServeAction>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Without --once, --check or --back-test it runs until it is stopped.\n\
                  Rules, sinks and examples: docs/alerts.md.",
    group = clap::ArgGroup::new("mode")
)]
pub(crate) struct Alert {
    /// Print what is the case now and end: nothing is kept, nobody is told
    #[arg(long, group = "mode")]
    pub(crate) once: bool,
    /// Check the rule files and the sinks' settings and end: no store is needed
    #[arg(long, group = "mode")]
    pub(crate) check: bool,
    /// Go through the past and print what would have been raised, when and why: dates or times in UTC
    #[arg(long, group = "mode", value_name = "FROM..TO")]
    pub(crate) back_test: Option<String>,
    /// Step of the back-test: 15m, 1h, 1d
    #[arg(long, default_value = "15m", requires = "back_test")]
    pub(crate) step: String,
    /// For --once: the time up to which the data counts [default: the newest report of any device]
    #[arg(long, value_name = "TIME", requires = "once")]
    pub(crate) as_of: Option<String>,
    /// Directory of rule files besides the built-in ones [default: alert.rules_dir of the settings]
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Option<PathBuf>,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Language of the result
    #[arg(long, value_enum, default_value_t = Language::En)]
    pub(crate) lang: Language,
    /// Serve /healthz, /readyz and /metrics at this address
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) health: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Standalone {
    #[command(flatten)]
    pub(crate) addresses: Addresses,
    #[command(flatten)]
    pub(crate) listen: Listen,
}

#[cfg(feature = "fleet")]
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(crate) struct Reference {
    /// Directory of CSV files, each recognised by its header
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) action: Option<ReferenceAction>,
}

#[derive(Debug, Args)]
pub(crate) struct Sql {
    /// The statement; `-` reads it from stdin
    #[arg(value_name = "STATEMENT", allow_hyphen_values = true)]
    pub(crate) statement: String,
    /// A ClickHouse output format: PrettyCompact, CSVWithNames, JSONEachRow, …
    #[arg(long, default_value = "PrettyCompactMonoBlock")]
    pub(crate) format: String,
    /// Run it with the rights to change data, and without the limits of analysts
    #[arg(long)]
    pub(crate) write: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// About what
    #[arg(value_enum)]
    pub(crate) subject: ReportSubject,
    /// Rollout id, cluster key or device id [default for rollout: the newest one]
    pub(crate) id: Option<String>,
    /// Form of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) format: ReportFormat,
    /// Language of summaries and actions
    #[arg(long, value_enum, default_value_t = Language::En)]
    pub(crate) lang: Language,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For a terminal
    Table,
    /// For tickets and mails
    Markdown,
    /// One file to send or print; it loads nothing
    Html,
    /// For programs
    Json,
}

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportSubject {
    /// How far a rollout is, and what blocks it
    Rollout,
    /// One failure cluster: devices, evidence, what to do
    Cluster,
    /// One device: attempts, diagnoses, inventory
    Device,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayRejects {
    /// Only say what could be read now
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Offset from UTC to assume for local log times, such as +08:00
    #[arg(long, value_name = "±HH:MM", allow_hyphen_values = true)]
    pub(crate) assume_utc_offset: Option<String>,
}
