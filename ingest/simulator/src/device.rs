//! One simulated device: what it is, and how it writes.

use jiff::{civil::Date, tz::TimeZone};

use crate::{
    EarlierUpdate, Language,
    encoding::{Encoding, LineEnd},
    random::Random,
};

/// A hardware model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Model {
    pub(crate) manufacturer: &'static str,
    pub(crate) name: &'static str,
    pub(crate) processor: &'static str,
    pub(crate) megahertz: u32,
    pub(crate) bios: &'static str,
    pub(crate) memory_mb: u32,
    pub(crate) disk_mb: u32,
}

/// The models of the fleet, the commonest first.
pub(crate) const MODELS: [Model; 6] = [
    Model {
        manufacturer: "LENOVO",
        name: "11DT003YMX",
        processor: "Intel64 Family 6 Model 165 Stepping 3 GenuineIntel",
        megahertz: 3096,
        bios: "LENOVO M2WKT4DA, 7/6/2023",
        memory_mb: 16_190,
        disk_mb: 486_400,
    },
    Model {
        manufacturer: "HP",
        name: "HP ProDesk 400 G6 SFF",
        processor: "Intel64 Family 6 Model 158 Stepping 10 GenuineIntel",
        megahertz: 3000,
        bios: "HP R23 Ver. 02.16.00, 3/14/2023",
        memory_mb: 8_029,
        disk_mb: 243_200,
    },
    Model {
        manufacturer: "Dell Inc.",
        name: "OptiPlex 3070",
        processor: "Intel64 Family 6 Model 158 Stepping 13 GenuineIntel",
        megahertz: 3000,
        bios: "Dell Inc. 1.26.0, 11/9/2023",
        memory_mb: 8_043,
        disk_mb: 475_900,
    },
    Model {
        manufacturer: "LENOVO",
        name: "20S7S1VV00",
        processor: "Intel64 Family 6 Model 142 Stepping 12 GenuineIntel",
        megahertz: 1610,
        bios: "LENOVO R17ET39W (1.22 ), 4/20/2022",
        memory_mb: 16_098,
        disk_mb: 486_400,
    },
    Model {
        manufacturer: "Advantech",
        name: "ARK-1124C",
        processor: "Intel64 Family 6 Model 92 Stepping 9 GenuineIntel",
        megahertz: 1100,
        bios: "American Megatrends Inc. 5.12, 8/28/2019",
        memory_mb: 3_961,
        disk_mb: 60_800,
    },
    Model {
        manufacturer: "Acer",
        name: "Veriton X2640G",
        processor: "Intel64 Family 6 Model 94 Stepping 3 GenuineIntel",
        megahertz: 2700,
        bios: "American Megatrends Inc. R02-A3, 10/30/2017",
        memory_mb: 8_090,
        disk_mb: 238_100,
    },
];

/// How a bundle arranges its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Layout {
    /// Everything in the root.
    #[default]
    Flat,
    /// `logs/`, `inventory/`, `events/`.
    ByKind,
    /// `<DEVICE>/Windows/Logs/CBS/CBS.log`: the paths on the device.
    AsOnDevice,
    /// One folder with the device's name.
    InFolder,
}

/// Start types of the services that updates need: 2 automatic, 3 on demand, 4 disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Services {
    pub(crate) update: u32,
    pub(crate) transfer: u32,
    pub(crate) orchestrator: u32,
    pub(crate) medic: u32,
    pub(crate) installer: u32,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            update: 3,
            transfer: 3,
            orchestrator: 2,
            medic: 3,
            installer: 3,
        }
    }
}

/// A device of the fleet.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    /// Position in the fleet, from 0: names its streams of random numbers.
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) site: String,
    pub(crate) site_index: usize,
    pub(crate) zone: TimeZone,
    pub(crate) zone_label: String,
    pub(crate) ring: usize,
    pub(crate) model: Model,
    pub(crate) build: u32,
    /// UBR before the rollout.
    pub(crate) ubr: u32,
    pub(crate) stack_ubr: u32,
    pub(crate) edition: &'static str,
    pub(crate) domain: Option<&'static str>,
    pub(crate) language: Language,
    pub(crate) security_products: Vec<&'static str>,
    pub(crate) services: Services,
    pub(crate) free_space_mb: u32,
    /// Installed updates: article, security update or not, day.
    pub(crate) hotfixes: Vec<(u32, bool, Date)>,
    pub(crate) installed_on: Date,
    pub(crate) style: Style,
}

/// How a device's uploads look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) console: Encoding,
    pub(crate) log: Encoding,
    pub(crate) line_end: LineEnd,
    pub(crate) layout: Layout,
    /// Between year, month and day in WindowsUpdate.log.
    pub(crate) date_separator: char,
    /// `C:\Windows` as the device spells it.
    pub(crate) windows: &'static str,
    /// How much its logs say, around 1.
    pub(crate) chatter: f64,
}

impl Style {
    /// Draws the looks of a device of this language.
    pub(crate) fn draw(language: Language, random: &mut Random) -> Self {
        let separators: &[char] = match language {
            Language::English
            | Language::Chinese
            | Language::ChineseTraditional
            | Language::Japanese => &['/', '/', '-'],
            Language::German | Language::Russian => &['-', '/', '-'],
            Language::French => &['/', '-'],
        };
        Self {
            console: random.pick(language.console_encodings()),
            log: random.pick(&[
                Encoding::Utf8Bom,
                Encoding::Utf8Bom,
                Encoding::Utf8,
                Encoding::Utf16Le,
            ]),
            line_end: random.pick(&[LineEnd::CrLf, LineEnd::CrLf, LineEnd::CrLf, LineEnd::Lf]),
            layout: random.pick(&[
                Layout::Flat,
                Layout::ByKind,
                Layout::AsOnDevice,
                Layout::InFolder,
            ]),
            date_separator: random.pick(separators),
            windows: random.pick(&["C:\\Windows", "C:\\WINDOWS"]),
            chatter: 0.5 + f64::from(random.between(0, 100)) / 100.0,
        }
    }
}

/// Deployment rings: name, and days after the release on which they start.
pub(crate) const RINGS: [(&str, u32); 3] = [("Pilot", 1), ("Broad", 4), ("Critical", 8)];

/// The third-party product that keeps programs from driver files.
pub(crate) const BLOCKING_PRODUCT: &str = "Kestrel Terminal Manager";
/// The third-party product that switches update services off.
pub(crate) const DISABLING_PRODUCT: &str = "Meridian Endpoint Shield";
const COMMON_PRODUCT: &str = "Microsoft Defender Antivirus";

impl Device {
    /// Draws which security products a device has: the common one always, the others at some sites more.
    pub(crate) fn draw_products(site_index: usize, random: &mut Random) -> Vec<&'static str> {
        let mut products = vec![COMMON_PRODUCT];
        if random.chance(if site_index.is_multiple_of(2) {
            0.25
        } else {
            0.05
        }) {
            products.push(BLOCKING_PRODUCT);
        }
        if random.chance(if site_index == 3 { 0.4 } else { 0.06 }) {
            products.push(DISABLING_PRODUCT);
        }
        products
    }

    /// Puts the device back to an earlier update, its newest.
    pub(crate) fn set_newest_update(&mut self, update: &EarlierUpdate) {
        self.ubr = update.ubr;
        self.stack_ubr = update.stack_ubr;
        self.installed_on = self.installed_on.min(update.installed_on);
        self.hotfixes
            .retain(|(_, _, day)| *day < update.installed_on);
        self.hotfixes
            .push((update.kb_article, true, update.installed_on));
    }

    /// True for a device that runs Windows 7.
    pub(crate) fn is_legacy(&self) -> bool {
        self.build == 7601
    }

    /// `Windows 10`, `Windows 11`.
    pub(crate) fn product(&self) -> &'static str {
        if self.build >= 22_000 {
            "Windows 11"
        } else {
            "Windows 10"
        }
    }

    /// `22H2`, `21H2`.
    pub(crate) fn version(&self) -> &'static str {
        match self.build {
            14_393 => "1607",
            17_763 => "1809",
            19_044 => "21H2",
            22_631 => "23H2",
            _ => "22H2",
        }
    }

    /// `10.0.19045.4651`, with the given UBR.
    pub(crate) fn os_build(&self, ubr: u32) -> String {
        let version = if self.is_legacy() { "6.1" } else { "10.0" };
        format!("{version}.{}.{ubr}", self.build)
    }

    /// Name in the event log: with the domain where the device has joined one.
    pub(crate) fn computer_name(&self) -> String {
        self.domain.map_or_else(
            || self.name.clone(),
            |domain| format!("{}.{domain}", self.name),
        )
    }

    /// Minutes east of UTC at this instant, summer time included.
    pub(crate) fn utc_offset_minutes(&self, at: jiff::Timestamp) -> i32 {
        self.zone.to_offset(at).seconds() / 60
    }
}
