//! One device's upload: files in one of the folder layouts that collectors use, in a zip.

use std::{fs::File, io::Write as _, path::Path};

use jiff::civil::DateTime;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{
    SimulateError,
    device::{Device, Layout},
};

/// What a file of a bundle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    WindowsUpdate,
    Cbs,
    Dism,
    Setup,
    Setupapi,
    Procmon,
    Events,
    ReportingEvents,
    SystemInfo,
    HotfixCsv,
    HotfixTable,
    Services,
    OsVersion,
    DeviceFacts,
    Certutil,
}

impl FileKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WindowsUpdate => "WindowsUpdate.log",
            Self::Cbs => "CBS.log",
            Self::Dism => "dism.log",
            Self::Setup => "setupact.log",
            Self::Setupapi => "setupapi.dev.log",
            Self::Procmon => "Logfile.CSV",
            Self::Events => "events.ndjson",
            Self::ReportingEvents => "ReportingEvents.log",
            Self::SystemInfo => "systeminfo.txt",
            Self::HotfixCsv => "hotfix.csv",
            Self::HotfixTable => "qfe.txt",
            Self::Services => "services.txt",
            Self::OsVersion => "os-version.json",
            Self::DeviceFacts => "device.json",
            Self::Certutil => "certutil.txt",
        }
    }

    /// The folder of a log on the device; none for what the collector makes.
    fn folder_on_device(self) -> Option<&'static str> {
        Some(match self {
            Self::WindowsUpdate => "Windows",
            Self::Cbs => "Windows/Logs/CBS",
            Self::Dism => "Windows/Logs/DISM",
            Self::Setup => "$WINDOWS.~BT/Sources/Panther",
            Self::Setupapi => "Windows/INF",
            Self::ReportingEvents => "Windows/SoftwareDistribution",
            _ => return None,
        })
    }

    fn folder_by_kind(self) -> &'static str {
        match self {
            Self::WindowsUpdate
            | Self::Cbs
            | Self::Dism
            | Self::Setup
            | Self::Setupapi
            | Self::ReportingEvents
            | Self::Procmon => "logs",
            Self::Events => "events",
            _ => "inventory",
        }
    }

    fn path(self, device: &Device) -> String {
        let name = self.name();
        match device.style.layout {
            Layout::Flat => name.to_owned(),
            Layout::InFolder => format!("{}/{name}", device.name),
            Layout::ByKind => format!("{}/{name}", self.folder_by_kind()),
            Layout::AsOnDevice => match self.folder_on_device() {
                Some(folder) => format!("{}/C/{folder}/{name}", device.name),
                None => format!("{}/{name}", device.name),
            },
        }
    }
}

/// A file on its way into a bundle.
#[derive(Debug)]
pub(crate) struct BundleFile {
    pub(crate) kind: FileKind,
    pub(crate) bytes: Vec<u8>,
}

/// Writes the bundle; `modified` is the time that its entries carry.
pub(crate) fn write(
    path: &Path,
    device: &Device,
    modified: DateTime,
    files: &[BundleFile],
) -> Result<(), SimulateError> {
    let write_error = |source| SimulateError::Write {
        path: path.to_owned(),
        source,
    };
    let archive_error = |source| SimulateError::Archive {
        path: path.to_owned(),
        source,
    };
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    let year = u16::try_from(modified.year()).unwrap_or(1980);
    let stamp = zip::DateTime::from_date_and_time(
        year,
        part(modified.month()),
        part(modified.day()),
        part(modified.hour()),
        part(modified.minute()),
        part(modified.second()),
    )
    .unwrap_or_default();
    // The fastest level: a simulation writes much and is read once.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1))
        .last_modified_time(stamp);
    let mut archive = ZipWriter::new(File::create(path).map_err(write_error)?);
    for file in files {
        archive
            .start_file(file.kind.path(device), options)
            .map_err(archive_error)?;
        archive.write_all(&file.bytes).map_err(write_error)?;
    }
    archive.finish().map_err(archive_error)?;
    Ok(())
}
