//! What a record says about an attempt, and the phases an attempt goes through.

use crate::knowledge::words;

words! {
    /// What a record says about an attempt: the closed set of column `signal`.
    Signal {
        /// A search for updates began.
        ScanStarted = "scan_started",
        /// A search for updates ended well.
        ScanSucceeded = "scan_succeeded",
        /// A search for updates failed.
        ScanFailed = "scan_failed",
        /// A download began.
        DownloadStarted = "download_started",
        /// A download ended well.
        DownloadSucceeded = "download_succeeded",
        /// A download failed.
        DownloadFailed = "download_failed",
        /// An installation began.
        InstallStarted = "install_started",
        /// An installation ended well.
        InstallSucceeded = "install_succeeded",
        /// An installation failed.
        InstallFailed = "install_failed",
        /// A restart is needed to go on.
        RestartRequired = "restart_required",
        /// A restart was begun.
        RestartInitiated = "restart_initiated",
        /// What was installed is taken back.
        Rollback = "rollback",
        /// A removal began.
        UninstallStarted = "uninstall_started",
        /// A removal ended well.
        UninstallSucceeded = "uninstall_succeeded",
    }
}

impl Signal {
    /// True for the end of a scan, a download, an installation or a removal.
    pub(crate) fn is_verdict(self) -> bool {
        self.is_success() || self.is_failure()
    }

    pub(crate) fn is_success(self) -> bool {
        matches!(
            self,
            Self::ScanSucceeded
                | Self::DownloadSucceeded
                | Self::InstallSucceeded
                | Self::UninstallSucceeded
        )
    }

    pub(crate) fn is_failure(self) -> bool {
        matches!(
            self,
            Self::ScanFailed | Self::DownloadFailed | Self::InstallFailed | Self::Rollback
        )
    }

    pub(crate) fn is_start(self) -> bool {
        matches!(
            self,
            Self::ScanStarted
                | Self::DownloadStarted
                | Self::InstallStarted
                | Self::UninstallStarted
        )
    }

    /// True for the begin and the end of a removal.
    pub(crate) fn is_removal(self) -> bool {
        matches!(self, Self::UninstallStarted | Self::UninstallSucceeded)
    }

    /// True for what only happens on the way to an installation. A scan and a restart are part of
    /// both ways.
    pub(crate) fn is_installation(self) -> bool {
        matches!(self.phase(), Phase::Download | Phase::Install) && !self.is_removal()
    }

    /// The phase that the signal belongs to.
    pub(crate) fn phase(self) -> Phase {
        match self {
            Self::ScanStarted | Self::ScanSucceeded | Self::ScanFailed => Phase::Scan,
            Self::DownloadStarted | Self::DownloadSucceeded | Self::DownloadFailed => {
                Phase::Download
            }
            Self::RestartRequired | Self::RestartInitiated => Phase::Restart,
            Self::Rollback => Phase::Rollback,
            Self::InstallStarted
            | Self::InstallSucceeded
            | Self::InstallFailed
            | Self::UninstallStarted
            | Self::UninstallSucceeded => Phase::Install,
        }
    }

    /// How far the attempt got, in the words of Microsoft's reports, with its place in the funnel.
    pub(crate) fn client_substate(self) -> (u8, &'static str) {
        match self {
            Self::ScanStarted | Self::ScanSucceeded | Self::ScanFailed => (1, "OfferReceived"),
            Self::DownloadStarted | Self::DownloadFailed => (2, "DownloadStart"),
            Self::DownloadSucceeded => (3, "DownloadComplete"),
            Self::InstallStarted | Self::InstallFailed => (4, "InstallStart"),
            Self::UninstallStarted => (4, "Uninstall"),
            Self::RestartRequired => (6, "RestartRequired"),
            Self::RestartInitiated => (7, "RestartInitiated"),
            Self::Rollback => (8, "Rollback"),
            Self::InstallSucceeded => (9, "UpdateInstalled"),
            Self::UninstallSucceeded => (9, "UpdateUninstalled"),
        }
    }
}

words! {
    /// Where an attempt was when it ended.
    Phase {
        /// Looking for updates.
        Scan = "scan",
        /// Fetching the files.
        Download = "download",
        /// Unpacking and preparing them.
        Stage = "stage",
        /// Putting them in place.
        Install = "install",
        /// Finishing after a restart.
        Restart = "restart",
        /// Taking everything back.
        Rollback = "rollback",
    }
}
