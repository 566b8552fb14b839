//! What Windows says in each language: labels of `systeminfo`, system messages, event texts.

mod chinese;
mod chinese_traditional;
mod english;
mod french;
mod german;
mod japanese;
mod russian;

use serde::{Deserialize, Serialize};

use crate::encoding::Encoding;

/// The display language of a device.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English (United States).
    #[default]
    English,
    /// Chinese, simplified.
    Chinese,
    /// Chinese, traditional.
    ChineseTraditional,
    /// German.
    German,
    /// Russian.
    Russian,
    /// Japanese.
    Japanese,
    /// French.
    French,
}

impl Language {
    pub(crate) fn texts(self) -> &'static Texts {
        match self {
            Self::English => &english::TEXTS,
            Self::Chinese => &chinese::TEXTS,
            Self::ChineseTraditional => &chinese_traditional::TEXTS,
            Self::German => &german::TEXTS,
            Self::Russian => &russian::TEXTS,
            Self::Japanese => &japanese::TEXTS,
            Self::French => &french::TEXTS,
        }
    }

    /// The encodings that console output of such a device comes in, the usual one first.
    pub(crate) fn console_encodings(self) -> &'static [Encoding] {
        match self {
            Self::English => &[Encoding::Utf8, Encoding::Utf16LeUnmarked, Encoding::Utf8Bom],
            Self::Chinese => &[Encoding::Gbk, Encoding::Gbk, Encoding::Utf16Le],
            Self::ChineseTraditional => {
                &[Encoding::Big5, Encoding::Big5, Encoding::Utf16LeUnmarked]
            }
            Self::Japanese => &[Encoding::ShiftJis, Encoding::Utf16Le],
            Self::Russian => &[Encoding::Cp866, Encoding::Windows1251, Encoding::Utf16Le],
            Self::German | Self::French => {
                &[Encoding::Windows1252, Encoding::Utf16Le, Encoding::Utf8Bom]
            }
        }
    }
}

/// How many labels `systeminfo` prints.
pub(crate) const SYSTEM_INFO_LABELS: usize = 33;

/// The texts of one language. `{title}`, `{code}`, `{kb}`, `{volume}` and `{path}` are filled in.
#[derive(Debug)]
pub(crate) struct Texts {
    /// `zh-CN`.
    pub(crate) locale: &'static str,
    /// As `systeminfo` prints the locale: `zh-cn;中文(中国)`.
    pub(crate) locale_label: &'static str,
    /// LCID, decimal.
    pub(crate) locale_id: u32,
    /// Labels of `systeminfo`, in the order in which it prints them.
    pub(crate) labels: [&'static str; SYSTEM_INFO_LABELS],
    /// The column in which its values begin.
    pub(crate) value_column: usize,
    /// What stands between version and build when there is no service pack: `N/A Build`.
    pub(crate) version_infix: &'static str,
    /// OS configuration of a domain member and of a device without a domain.
    pub(crate) configuration: [&'static str; 2],
    /// `1 Processor(s) Installed.`
    pub(crate) one_processor: &'static str,
    /// `{count} Hotfix(s) Installed.`
    pub(crate) hotfix_count: &'static str,
    /// `{count} NIC(s) Installed.`
    pub(crate) network_count: &'static str,
    /// Labels of a network card: connection name, DHCP enabled, DHCP server, addresses; then yes.
    pub(crate) network: [&'static str; 5],
    /// The four lines on what Hyper-V needs, and yes.
    pub(crate) hyper_v: [&'static str; 5],
    /// Thousands separator of memory sizes.
    pub(crate) thousands: &'static str,
    /// strftime pattern of a date and time.
    pub(crate) date_time: &'static str,
    /// strftime pattern of a date.
    pub(crate) date: &'static str,
    /// The system's words for ERROR_ACCESS_DENIED.
    pub(crate) access_denied: &'static str,
    /// The system's words for ERROR_INVALID_NAME.
    pub(crate) invalid_name: &'static str,
    /// The system's words for ERROR_INVALID_DATA.
    pub(crate) invalid_data: &'static str,
    /// Title of the monthly update, with `{month}`, `{version}` and `{kb}`.
    pub(crate) update_title: &'static str,
    /// WindowsUpdateClient 19, 20, 43 and 44.
    pub(crate) installed: &'static str,
    pub(crate) install_failed: &'static str,
    pub(crate) install_started: &'static str,
    pub(crate) download_started: &'static str,
    /// Servicing 1 to 4.
    pub(crate) servicing: [&'static str; 4],
    /// Ntfs 55.
    pub(crate) file_system_damage: &'static str,
    /// GroupPolicy 1096.
    pub(crate) registry_policy_failed: &'static str,
    /// Kernel-Power 41.
    pub(crate) unclean_restart: &'static str,
    /// Kernel-General 12, with `{time}`.
    pub(crate) started: &'static str,
    /// Service Control Manager 7036, with `{service}`.
    pub(crate) service_runs: &'static str,
    /// Service Control Manager 7040 for the update service.
    pub(crate) service_disabled: &'static str,
    /// User32 1074, with `{name}`.
    pub(crate) restart_begun: &'static str,
    /// WindowsUpdateClient 26, with `{count}`, and 25, with `{code}`.
    pub(crate) searches: [&'static str; 2],
    /// `certutil -hashfile`: the line above the hash, with `{path}`, and the line below it.
    pub(crate) certutil: [&'static str; 2],
    /// Hotfix descriptions: Update, Security Update.
    pub(crate) hotfix_kinds: [&'static str; 2],
}
