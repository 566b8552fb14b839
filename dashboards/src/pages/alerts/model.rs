//! The rows behind the alerts pages and `GET /api/v1/alerts`.

use std::collections::BTreeMap;

use patchlens_queries::names::both_ends;
use serde::{Deserialize, Serialize};

/// The widest value of a label in a list.
const LABEL_CHARS: usize = 200;

/// One alert; grain: one per rule and labels.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_field_names,
    reason = "one name per thing: fields are called like the columns"
)]
pub(crate) struct Alert {
    pub(crate) alert_id: String,
    pub(crate) rule: String,
    pub(crate) title_en: String,
    pub(crate) title_zh: String,
    /// info, warning or critical.
    pub(crate) severity: String,
    /// Active, Resolved or Deleted.
    pub(crate) state: String,
    /// What makes it this alert.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) rollout_id: String,
    pub(crate) ring: String,
    pub(crate) cluster_key: String,
    pub(crate) error_code: Option<u32>,
    /// Devices concerned when it was found last.
    pub(crate) devices: u64,
    /// Some of them.
    pub(crate) sample_devices: Vec<String>,
    /// Null where the rule makes no such test.
    pub(crate) expected: Option<f64>,
    pub(crate) p_value: Option<f64>,
    pub(crate) summary_en: String,
    pub(crate) summary_zh: String,
    /// The numbers compared.
    pub(crate) explanation_en: String,
    pub(crate) explanation_zh: String,
    /// Path in these pages; may be empty.
    pub(crate) link: String,
    pub(crate) times_raised: u32,
    pub(crate) started_at: Option<String>,
    pub(crate) found_at: Option<String>,
    pub(crate) resolved_at: Option<String>,
    pub(crate) notified_at: Option<String>,
    /// Sinks that were told of the present state.
    pub(crate) notified_sinks: Vec<String>,
    /// Sinks that could not be told yet.
    pub(crate) waiting_sinks: Vec<String>,
    pub(crate) last_error: String,
}

impl Alert {
    /// The class of the severity's tag; the set is closed, so that data never becomes a class.
    pub(crate) fn severity_class(&self) -> &'static str {
        match self.severity.as_str() {
            "critical" => "bad",
            "warning" => "warn",
            _ => "muted",
        }
    }

    /// The class of the state's tag.
    pub(crate) fn state_class(&self) -> &'static str {
        match self.state.as_str() {
            "Active" => "bad",
            "Resolved" => "good",
            _ => "muted",
        }
    }

    /// What it is about in these pages; the rule may name its own place, and whatever else it says is no address.
    pub(crate) fn about(&self) -> Option<String> {
        let encode = crate::frame::encode;
        if self.link.starts_with('/') && !self.link.starts_with("//") && !self.link.contains('\\') {
            Some(self.link.clone())
        } else if !self.cluster_key.is_empty() {
            Some(format!("/clusters/{}", encode(&self.cluster_key)))
        } else if let Some(code) = self.error_code {
            Some(format!("/codes?q=0x{code:08x}"))
        } else if !self.rollout_id.is_empty() {
            Some(format!("/rollouts/{}", encode(&self.rollout_id)))
        } else {
            None
        }
    }

    /// The labels in one line, long values by both their ends.
    pub(crate) fn label_list(&self) -> String {
        let shown: Vec<String> = self
            .labels
            .iter()
            .filter(|(name, _)| *name != "alertname")
            .map(|(name, value)| format!("{name}={}", both_ends(value, LABEL_CHARS)))
            .collect();
        shown.join(", ")
    }
}

/// How many alerts a rule has in a state; grain: one per rule and state.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Count {
    pub(crate) rule: String,
    pub(crate) title_en: String,
    pub(crate) title_zh: String,
    pub(crate) state: String,
    pub(crate) alerts: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_leads_to_what_it_is_about_and_nowhere_else() {
        let mut alert = Alert {
            link: "/codes?q=0x80070005".to_owned(),
            cluster_key: "v1:a/b".to_owned(),
            ..Alert::default()
        };
        assert_eq!(alert.about().unwrap(), "/codes?q=0x80070005");
        for hostile in [
            "javascript:alert(1)",
            "//evil.example",
            "/\\evil.example",
            "",
        ] {
            alert.link = hostile.to_owned();
            assert_eq!(alert.about().unwrap(), "/clusters/v1%3Aa%2Fb", "{hostile}");
        }
        assert_eq!(Alert::default().about(), None);
    }
}
