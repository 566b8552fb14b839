//! systeminfo.txt, in the language of the device.

use crate::text::put_line;
use jiff::Timestamp;

use crate::{device::Device, random::Random, update::grouped};

/// How many columns a console gives a text: East Asian characters take two.
fn console_width(text: &str) -> usize {
    text.chars()
        .map(|c| {
            if c >= '\u{1100}' && !('\u{2010}'..='\u{2027}').contains(&c) {
                2
            } else {
                1
            }
        })
        .sum()
}

/// Writes what `systeminfo` says at this time; `hotfixes` are the articles it lists.
pub(crate) fn write(
    device: &Device,
    at: Timestamp,
    hotfixes: &[u32],
    random: &mut Random,
) -> String {
    let texts = device.language.texts();
    let column = texts.value_column;
    let values = values(device, at, hotfixes, random);
    let mut out = String::from("\n");
    for (label, lines) in texts.labels.iter().zip(values) {
        let mut lines = lines.into_iter();
        let first = lines.next().unwrap_or_default();
        let gap = column.saturating_sub(console_width(label)).max(1);
        put_line!(out, "{label}{:gap$}{first}", "");
        for line in lines {
            put_line!(out, "{:column$}{line}", "");
        }
    }
    out
}

fn values(
    device: &Device,
    at: Timestamp,
    hotfixes: &[u32],
    random: &mut Random,
) -> Vec<Vec<String>> {
    let texts = device.language.texts();
    let now = device.zone.to_datetime(at);
    let boot = now.saturating_sub(jiff::SignedDuration::from_mins(i64::from(
        random.between(200, 700),
    )));
    let one = |text: &str| vec![text.to_owned()];
    let (version, name) = if device.is_legacy() {
        (
            "6.1.7601 Service Pack 1 Build 7601".to_owned(),
            "Microsoft Windows 7 Professional ".to_owned(),
        )
    } else {
        (
            format!(
                "10.0.{} {} {}",
                device.build, texts.version_infix, device.build
            ),
            format!("Microsoft {} {}", device.product(), edition_name(device)),
        )
    };
    let memory = device.model.memory_mb;
    let megabytes = |mb: u32| vec![format!("{} MB", grouped(mb, texts.thousands))];
    let virtual_memory = memory + memory / 6;
    let in_use = virtual_memory / 5 * random.between(1, 3);
    let free = memory / 4 + random.between(0, memory / 3);
    let id = format!(
        "00329-{}-{}-AA{}",
        random.between(10_000, 59_999),
        random.between(10_000, 59_999),
        random.between(100, 999)
    );
    let mut hotfix_lines = vec![
        texts
            .hotfix_count
            .replace("{count}", &hotfixes.len().to_string()),
    ];
    hotfix_lines.extend(
        hotfixes
            .iter()
            .enumerate()
            .map(|(index, kb)| format!("[{:02}]: KB{kb}", index + 1)),
    );
    vec![
        one(&device.name),
        one(&name),
        one(&version),
        one("Microsoft Corporation"),
        one(texts
            .configuration
            .get(usize::from(device.domain.is_none()))
            .copied()
            .unwrap_or_default()),
        one("Multiprocessor Free"),
        one("Operations"),
        one(""),
        one(&id),
        one(&format!(
            "{}",
            device
                .installed_on
                .at(10, 12, 7, 0)
                .strftime(texts.date_time)
        )),
        one(&format!("{}", boot.strftime(texts.date_time))),
        one(device.model.manufacturer),
        one(device.model.name),
        one("x64-based PC"),
        vec![
            texts.one_processor.to_owned(),
            format!(
                "[01]: {} ~{} Mhz",
                device.model.processor, device.model.megahertz
            ),
        ],
        one(device.model.bios),
        one(device.style.windows),
        one(&format!("{}\\system32", device.style.windows)),
        one("\\Device\\HarddiskVolume1"),
        one(texts.locale_label),
        one(texts.locale_label),
        one(&device.zone_label),
        megabytes(memory),
        megabytes(free),
        megabytes(virtual_memory),
        megabytes(virtual_memory - in_use),
        megabytes(in_use),
        one("C:\\pagefile.sys"),
        one(device.domain.unwrap_or("WORKGROUP")),
        one(&format!("\\\\{}", device.name)),
        hotfix_lines,
        network_lines(device, random),
        hyper_v_lines(device),
    ]
}

fn edition_name(device: &Device) -> &'static str {
    match (device.edition, device.language) {
        ("Enterprise", crate::Language::Chinese) => "企业版",
        ("Professional", crate::Language::Chinese) => "专业版",
        ("Enterprise", crate::Language::Russian) => "Корпоративная",
        ("Professional", crate::Language::French) => "Professionnel",
        ("Enterprise", crate::Language::French) => "Entreprise",
        ("Enterprise", _) => "Enterprise",
        _ => "Pro",
    }
}

fn network_lines(device: &Device, random: &mut Random) -> Vec<String> {
    let texts = device.language.texts();
    let [connection, enabled, server, addresses, yes] = texts.network;
    let (third, fourth) = (random.between(10, 60), random.between(20, 240));
    vec![
        texts.network_count.replace("{count}", "1"),
        "[01]: Intel(R) Ethernet Connection (11) I219-LM".to_owned(),
        format!("      {connection} Ethernet"),
        format!("      {enabled} {yes}"),
        format!("      {server} 10.20.{third}.1"),
        format!("      {addresses}"),
        format!("      [01]: 10.20.{third}.{fourth}"),
        format!(
            "      [02]: fe80::{}:{}:{}:{}",
            random.hex(4),
            random.hex(4),
            random.hex(4),
            random.hex(4)
        ),
    ]
}

fn hyper_v_lines(device: &Device) -> Vec<String> {
    let [monitor, firmware, translation, prevention, yes] = device.language.texts().hyper_v;
    [monitor, firmware, translation, prevention]
        .into_iter()
        .map(|label| format!("{label} {yes}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Language, simulate::tests::subject_of};

    #[test]
    fn values_stand_in_one_column_in_every_language() {
        let (mut fixture, _) = subject_of(crate::Scenario::FeaturePackageDamaged);
        for language in [
            Language::English,
            Language::Chinese,
            Language::German,
            Language::Russian,
            Language::Japanese,
            Language::French,
        ] {
            fixture.set_language(language);
            let text = write(
                &fixture.device,
                "2024-08-25T10:00:00Z".parse().unwrap(),
                &[5_011_048, 5_040_427],
                &mut Random::for_path(&[1]),
            );
            insta::assert_snapshot!(format!("systeminfo_{}", language.texts().locale), text);
        }
    }
}
