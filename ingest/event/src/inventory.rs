//! Names of the facts in [`crate::Event::fields`] of an inventory event.
//!
//! Every value is text. A name that ends in `.` is a prefix: the rest of the field name says of what.

/// When the bundle was collected, by the script that collected it: RFC 3339, UTC.
pub const COLLECTED_AT: &str = "collected_at";
/// Full build with revision, `10.0.17763.2090`; the fourth part (UBR) is absent when not known.
pub const OS_BUILD: &str = "os_build";
/// Product name, `Microsoft Windows 10 Enterprise LTSC`.
pub const OS_NAME: &str = "os_name";
/// Edition id, `Professional`.
pub const OS_EDITION: &str = "os_edition";
/// `x64`, `x86` or `arm64`.
pub const ARCHITECTURE: &str = "architecture";
/// Installed updates: `KB4601558,KB5001634`, in the order of the source.
pub const HOTFIXES: &str = "hotfixes";
/// Date of the newest installed update, `YYYY-MM-DD`.
pub const HOTFIX_NEWEST_ON: &str = "hotfix_newest_on";
/// Computer name.
pub const DEVICE_NAME: &str = "device_name";
/// Domain or workgroup.
pub const DOMAIN: &str = "domain";
/// Manufacturer of the device.
pub const MANUFACTURER: &str = "manufacturer";
/// Model of the device.
pub const MODEL: &str = "model";
/// Display language, `zh-CN`.
pub const LOCALE: &str = "locale";
/// Offset from UTC in minutes, east positive.
pub const UTC_OFFSET_MINUTES: &str = "utc_offset_minutes";
/// The zone's rule for the whole year, as a POSIX TZ string.
pub const TIME_ZONE_RULE: &str = "time_zone_rule";
/// Deployment ring.
pub const RING: &str = "ring";
/// Site.
pub const SITE: &str = "site";
/// Security products, separated by `;`.
pub const SECURITY_PRODUCTS: &str = "security_products";
/// `service_start.<name>`: start type of a service, 0 to 4 (4 = disabled).
pub const SERVICE_START: &str = "service_start.";
/// `service_state.<name>`: `running`, `stopped`, `paused`, `start_pending` or `stop_pending`.
pub const SERVICE_STATE: &str = "service_state.";
/// `free_space_mb.<volume>`: free space in MiB.
pub const FREE_SPACE_MB: &str = "free_space_mb.";
/// `file_sha256.<path>`: SHA-256 of a file, lower case.
pub const FILE_SHA256: &str = "file_sha256.";
/// `registry.<key>\<value>`: data of a registry value.
pub const REGISTRY: &str = "registry.";
