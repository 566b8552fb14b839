//! Facts about the device as one JSON object: `{"os_build":"10.0.17763.2090","edition":"EnterpriseS"}`,
//! or what an asset database knows (site, ring, model).
//!
//! The usual names for a fact are read as ours; a name that is not known is kept as it stands.

use patchlens_event::inventory;

use super::facts::{Facts, Hotfixes};
use crate::json::Value;

/// Our name for a member, by its usual names in lower case without separators.
fn fact_name(member: &str) -> Option<&'static str> {
    let plain: String = member
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    Some(match plain.as_str() {
        "osbuild" | "osversion" | "buildversion" => inventory::OS_BUILD,
        "osname" | "productname" | "caption" => inventory::OS_NAME,
        "osedition" | "edition" | "editionid" => inventory::OS_EDITION,
        "architecture" | "osarchitecture" | "arch" => inventory::ARCHITECTURE,
        "devicename" | "computername" | "hostname" | "host" | "csname" => inventory::DEVICE_NAME,
        "domain" => inventory::DOMAIN,
        "manufacturer" => inventory::MANUFACTURER,
        "model" => inventory::MODEL,
        "locale" | "systemlocale" | "uilanguage" => inventory::LOCALE,
        "utcoffsetminutes" => inventory::UTC_OFFSET_MINUTES,
        "ring" | "deploymentring" => inventory::RING,
        "site" | "location" => inventory::SITE,
        _ => return None,
    })
}

fn plain_architecture(value: &str) -> &str {
    let lower = value.to_ascii_lowercase();
    if lower.contains("arm64") || lower.contains("aarch64") {
        "arm64"
    } else if lower.contains("64") {
        "x64"
    } else if lower.contains("86") || lower.contains("32") {
        "x86"
    } else {
        value
    }
}

/// Names that only a file about a device has.
pub(crate) fn recognise(value: &Value) -> bool {
    value.members().iter().any(|(name, value)| {
        value.scalar().is_some()
            && fact_name(name)
                .is_some_and(|known| known != inventory::DOMAIN && known != inventory::LOCALE)
    })
}

/// Adds what one object says.
pub(crate) fn add(value: &Value, facts: &mut Facts) {
    for (name, value) in value.members() {
        let plain = name.to_ascii_lowercase();
        match (plain.as_str(), value) {
            ("hotfixes" | "hotfix" | "kbs", list) => {
                let mut hotfixes = Hotfixes::default();
                list.items().iter().for_each(|item| {
                    hotfixes.add_all(
                        item.text(&["HotFixID", "hotfix_id"])
                            .or(item.scalar())
                            .unwrap_or_default(),
                    );
                });
                hotfixes.add_all(list.scalar().unwrap_or_default());
                facts.add(inventory::HOTFIXES, hotfixes.joined());
            }
            ("security_products", list) if !list.items().is_empty() => {
                let names: Vec<&str> = list.items().iter().filter_map(Value::scalar).collect();
                facts.add(inventory::SECURITY_PRODUCTS, names.join(";"));
            }
            ("services", map) => prefixed(map, inventory::SERVICE_START, facts),
            ("free_space_mb", map) => prefixed(map, inventory::FREE_SPACE_MB, facts),
            ("registry", map) => prefixed(map, inventory::REGISTRY, facts),
            (_, Value::Scalar(text)) => match fact_name(name) {
                Some(inventory::ARCHITECTURE) => {
                    facts.add(inventory::ARCHITECTURE, plain_architecture(text));
                }
                Some(known) => facts.add(known, text.as_str()),
                None => facts.add(name.as_str(), text.as_str()),
            },
            (_, nested) => {
                let mut fields = Vec::new();
                nested.flatten_into(name, &mut fields);
                for (name, value) in fields {
                    facts.add(name, value);
                }
            }
        }
    }
}

fn prefixed(map: &Value, prefix: &str, facts: &mut Facts) {
    for (name, value) in map.members() {
        facts.add(
            format!("{prefix}{name}"),
            value.scalar().unwrap_or_default(),
        );
    }
}
