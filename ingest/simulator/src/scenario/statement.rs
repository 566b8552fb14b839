//! What a scenario hands to the log writers.

use std::fmt;

use crate::bundle::FileKind;

/// An error code with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Code(pub(crate) u32, pub(crate) &'static str);

impl fmt::Display for Code {
    /// As the servicing stack prints it: `[HRESULT = 0x8007000d - ERROR_INVALID_DATA]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[HRESULT = 0x{:08x} - {}]", self.0, self.1)
    }
}

/// Severity of a statement in CBS.log and setupact.log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Info,
    Warning,
    Error,
}

impl Severity {
    /// The word in the log.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Info => "Info",
            Self::Warning => "Warning",
            Self::Error => "Error",
        }
    }
}

/// One statement of a log, without its columns. `{session}`, `{package}`, `{kb}`, `{job}`, `{update}`
/// and `{pid}` are filled in by the writer; lines after the first continue the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) severity: Severity,
    pub(crate) component: &'static str,
    pub(crate) text: String,
    /// How long the device works before it says it, in milliseconds at most.
    pub(crate) after_ms: u32,
}

impl Statement {
    /// An informational statement.
    pub(crate) fn info(component: &'static str, text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Info,
            component,
            text: text.into(),
            after_ms: 60,
        }
    }

    /// A statement that the log marks as an error.
    pub(crate) fn error(component: &'static str, text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            ..Self::info(component, text)
        }
    }

    /// The statement, said after some more work.
    pub(crate) fn after(self, after_ms: u32) -> Self {
        Self { after_ms, ..self }
    }
}

/// Where an attempt breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before a search begins.
    SearchStart,
    /// In the exchange with the update server.
    Scan,
    /// While the package is fetched.
    Download,
    /// While the package is installed.
    Install,
    /// In the restart that completes the update.
    Restart,
    /// Not in the update client: setup, image servicing, policy.
    Elsewhere,
}

/// A record of the event log besides the update client's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Occurrence {
    pub(crate) channel: &'static str,
    pub(crate) provider: &'static str,
    pub(crate) event_id: u32,
    pub(crate) level: &'static str,
    pub(crate) data: Vec<(&'static str, String)>,
    pub(crate) message: String,
}

/// The section of a driver that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DriverSection {
    pub(crate) title: String,
    /// Who asked for it; servicing where it is empty.
    pub(crate) command: &'static str,
    /// Mark (`!!!`, `!` or none), category and text.
    pub(crate) entries: Vec<(&'static str, &'static str, String)>,
    pub(crate) status: u32,
}

/// What is logged when an attempt fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) stage: Stage,
    /// What the update client reports in the end.
    pub(crate) code: Code,
    /// Phase and operation in which Windows Setup ends.
    pub(crate) extend: u32,
    /// What the servicing stack ends its session with.
    pub(crate) servicing_code: Code,
    /// CBS.log, after planning.
    pub(crate) cbs: Vec<Statement>,
    /// WindowsUpdate.log, before the client's verdict.
    pub(crate) windows_update: Vec<Statement>,
    /// dism.log.
    pub(crate) dism: Vec<Statement>,
    /// setupact.log.
    pub(crate) setup: Vec<Statement>,
    /// setupapi.dev.log.
    pub(crate) driver_section: Option<DriverSection>,
    /// Event log.
    pub(crate) events: Vec<Occurrence>,
}

impl Fault {
    /// A fault that no log describes yet.
    pub(crate) fn at(stage: Stage, code: Code) -> Self {
        Self {
            stage,
            code,
            extend: 0x2000c,
            servicing_code: code,
            cbs: Vec::new(),
            windows_update: Vec::new(),
            dism: Vec::new(),
            setup: Vec::new(),
            driver_section: None,
            events: Vec::new(),
        }
    }
}

/// A failure as a device suffers it: the fault, and the truth about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) culprit: Option<String>,
    /// The logs name the update that fails.
    pub(crate) names_update: bool,
    /// The update client's code, where it reports one.
    pub(crate) error_code: Option<u32>,
    pub(crate) inner_code: Option<u32>,
    pub(crate) fault: Fault,
    /// Sets of files, each of which tells the cause and the culprit; every log that says something, when
    /// not stated.
    pub(crate) told_by: Option<&'static [&'static [FileKind]]>,
    /// A Process Monitor trace was taken: the file that is denied.
    pub(crate) traced_file: Option<String>,
    /// The package's hash was taken: the package's path and the hash found.
    pub(crate) hashed_file: Option<(String, String)>,
}

impl Case {
    /// A failure of the rollout's update that reports the fault's code.
    pub(crate) fn of(fault: Fault) -> Self {
        let error_code = Some(fault.code.0);
        Self {
            culprit: None,
            names_update: true,
            error_code,
            inner_code: None,
            fault,
            told_by: None,
            traced_file: None,
            hashed_file: None,
        }
    }
}
