//! The smaller inventory files of a bundle: hotfix lists, service start types, version, and what the
//! collector knows about the device.

use crate::text::{append, put_line};
use jiff::{Timestamp, civil::Date};
use serde_json::json;

use crate::device::{Device, RINGS};

/// An installed update: article, security update or not, day.
pub(crate) type Hotfix = (u32, bool, Date);

/// hotfix.csv, as `Get-HotFix | Export-Csv` with three columns writes it: the date follows the language.
pub(crate) fn hotfix_csv(device: &Device, hotfixes: &[Hotfix]) -> String {
    let texts = device.language.texts();
    let mut out = String::from("HotFixID,Description,InstalledOn\n");
    for (kb, security, day) in hotfixes {
        let kind = texts
            .hotfix_kinds
            .get(usize::from(*security))
            .copied()
            .unwrap_or_default();
        put_line!(out, "KB{kb},{kind},{}", day.strftime(texts.date));
    }
    out
}

/// The table that `wmic qfe list` writes: every column as wide as its widest value, two blanks between.
pub(crate) fn hotfix_table(device: &Device, hotfixes: &[Hotfix]) -> String {
    let header = [
        "Caption",
        "CSName",
        "Description",
        "FixComments",
        "HotFixID",
        "InstallDate",
        "InstalledBy",
        "InstalledOn",
        "Name",
        "ServicePackInEffect",
        "Status",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (kb, security, day) in hotfixes {
        let kind = device
            .language
            .texts()
            .hotfix_kinds
            .get(usize::from(*security))
            .copied()
            .unwrap_or_default();
        let mut row = vec![String::new(); header.len()];
        for (cell, value) in row.iter_mut().zip([
            format!("http://support.microsoft.com/?kbid={kb}"),
            device.name.clone(),
            kind.to_owned(),
            String::new(),
            format!("KB{kb}"),
            String::new(),
            "NT AUTHORITY\\SYSTEM".to_owned(),
            // wmic writes American dates whatever the language.
            day.strftime("%-m/%-d/%Y").to_string(),
        ]) {
            *cell = value;
        }
        rows.push(row);
    }
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(String::len)
            .max()
            .unwrap_or_default()
            + 2
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            append(&mut out, format_args!("{cell:<width$}"));
        }
        out.push('\n');
    }
    out
}

/// services.txt: `reg query` for the start types of the services that updates need.
pub(crate) fn services(device: &Device) -> String {
    let services = device.services;
    let mut out = String::new();
    for (name, start) in [
        ("wuauserv", services.update),
        ("BITS", services.transfer),
        ("UsoSvc", services.orchestrator),
        ("WaaSMedicSvc", services.medic),
        ("TrustedInstaller", services.installer),
    ] {
        put_line!(
            out,
            "\nHKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\{name}\n    Start    REG_DWORD    0x{start:x}"
        );
    }
    out.push('\n');
    out
}

/// os-version.json.
pub(crate) fn os_version(device: &Device, ubr: u32) -> String {
    json!({ "os_build": device.os_build(ubr), "edition": device.edition }).to_string()
}

/// device.json: what the collector knows.
pub(crate) fn collector_facts(device: &Device, at: Timestamp, free_space_mb: u32) -> String {
    let ring = RINGS.get(device.ring).map_or("", |(name, _)| name);
    format!(
        "{:#}\n",
        json!({
            "device_name": device.name,
            "site": device.site,
            "ring": ring,
            "model": device.model.name,
            "manufacturer": device.model.manufacturer,
            "domain": device.domain.unwrap_or("WORKGROUP"),
            "locale": device.language.texts().locale,
            "utc_offset_minutes": device.utc_offset_minutes(at),
            "security_products": device.security_products,
            "free_space_mb": { "C:": free_space_mb },
            "collected_at": at.to_string(),
        })
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::tests::subject_of;

    #[test]
    fn the_small_files_read_as_on_a_device() {
        let (fixture, _) = subject_of(crate::Scenario::ServiceDisabled);
        let device = &fixture.device;
        let at = "2024-08-25T10:00:00Z".parse().unwrap();
        let all = [
            hotfix_csv(device, &device.hotfixes),
            hotfix_table(device, &device.hotfixes),
            services(device),
            os_version(device, device.ubr),
            collector_facts(device, at, device.free_space_mb),
        ];
        insta::assert_snapshot!(all.join("\n----\n"));
    }
}
