//! What is said: the generic JSON body, and templates for chat robots.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::state::{Alert, State};
use crate::text::{self, one_line, url_part};

/// The language of what a sink is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

/// The body of a generic webhook; its JSON Schema is docs/schema/webhook.v1.json.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WebhookBody {
    /// Form of this body: `1`.
    pub version: String,
    /// Identity of the alert: the same condition has the same id for ever.
    pub alert_id: String,
    /// Where it stands.
    pub state: State,
    /// The rule.
    pub rule: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// What the rule is called.
    pub title: String,
    /// What is wrong, in one line.
    pub summary: String,
    /// Why it was raised, with the numbers compared.
    pub explanation: String,
    /// What makes it this alert.
    pub labels: BTreeMap<String, String>,
    /// Devices concerned when it was found last.
    pub devices: u64,
    /// Some of them, ten at most.
    pub sample_devices: Vec<String>,
    /// What would be expected; null where the rule expects no number.
    pub expected: Option<f64>,
    /// How likely so many are by chance; null where the rule makes no test.
    pub p_value: Option<f64>,
    /// How often it was raised.
    pub times_raised: u32,
    /// When it was found first, by the time of the data.
    pub started_at: String,
    /// When it ended; null while it is active.
    pub resolved_at: Option<String>,
    /// The page that shows it; empty when the settings name no public URL.
    pub link: String,
}

/// Writes the generic body.
pub fn body(alert: &Alert, language: Language, public_url: &str) -> WebhookBody {
    let pick = |texts: &crate::Bilingual| match language {
        Language::En => texts.en.clone(),
        Language::Zh => texts.zh.clone(),
    };
    WebhookBody {
        version: "1".to_owned(),
        alert_id: alert.alert_id.clone(),
        state: alert.state,
        rule: alert.rule.clone(),
        severity: alert.severity.as_str().to_owned(),
        title: pick(&alert.title),
        summary: pick(&alert.summary),
        explanation: pick(&alert.explanation),
        labels: alert.labels.clone(),
        devices: alert.devices,
        sample_devices: alert.sample_devices.clone(),
        expected: alert.expected,
        p_value: alert.p_value,
        times_raised: alert.times_raised,
        started_at: alert.started_at.to_string(),
        resolved_at: alert.ended_at.map(|at| at.to_string()),
        link: link(alert, public_url),
    }
}

/// The page of an alert.
pub(crate) fn link(alert: &Alert, public_url: &str) -> String {
    if public_url.is_empty() {
        return String::new();
    }
    format!(
        "{}/alerts/{}",
        public_url.trim_end_matches('/'),
        url_part(&alert.alert_id)
    )
}

/// A JSON document with gaps in its texts. What fills them is put into the parsed document, so that no value can
/// break out of its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Value);

/// A robot of WeCom, the group chat of many companies in China; takes 4096 bytes.
const WECOM: &str = r#"{"msgtype": "markdown", "markdown": {"content": "{markdown}"}}"#;
/// A robot of DingTalk.
const DINGTALK: &str =
    r#"{"msgtype": "markdown", "markdown": {"title": "{headline}", "text": "{markdown}"}}"#;
/// Room for the text within WeCom's limit.
const MARKDOWN_BYTES_MAX: usize = 3800;

impl Template {
    /// Takes `wecom`, `dingtalk`, or the text of a template of one's own.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = match text {
            "wecom" => WECOM,
            "dingtalk" => DINGTALK,
            own => own,
        };
        let value: Value = serde_json::from_str(text)
            .map_err(|error| format!("the template is not JSON: {error}"))?;
        check(&value)?;
        Ok(Self(value))
    }

    /// Fills it with one or more alerts: one message for all that is to be told.
    pub fn fill(&self, alerts: &[WebhookBody], language: Language) -> Value {
        filled(&self.0, &gaps(alerts, language))
    }
}

const GAPS: [&str; 10] = [
    "headline",
    "markdown",
    "count",
    "state",
    "severity",
    "rule",
    "title",
    "summary",
    "explanation",
    "link",
];

fn check(value: &Value) -> Result<(), String> {
    match value {
        Value::String(template) => {
            if let Some(problem) = text::problem(template) {
                return Err(format!("the template's {template:?} {problem}"));
            }
            match text::gaps(template)
                .into_iter()
                .find(|gap| !GAPS.contains(gap))
            {
                Some(gap) => Err(format!(
                    "the template names {gap:?}; there are {}",
                    GAPS.join(", ")
                )),
                None => Ok(()),
            }
        }
        Value::Array(values) => values.iter().try_for_each(check),
        Value::Object(fields) => fields.values().try_for_each(check),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn filled(value: &Value, gaps: &Map<String, Value>) -> Value {
    match value {
        Value::String(template) => {
            // The whole text of the message may be longer than a value in a sentence.
            let markdown = gaps
                .get("markdown")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let parts: Vec<String> = template
                .split("{markdown}")
                .map(|part| text::fill(part, gaps))
                .collect();
            parts.join(markdown).into()
        }
        Value::Array(values) => values.iter().map(|value| filled(value, gaps)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), filled(value, gaps)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn gaps(alerts: &[WebhookBody], language: Language) -> Map<String, Value> {
    let headline = match alerts {
        [only] => format!("{} {}", mark(only), harmless(&only.title)),
        _ => match language {
            Language::En => format!("patchlens: {} alerts", alerts.len()),
            Language::Zh => format!("patchlens：{} 条告警", alerts.len()),
        },
    };
    let first = alerts.first();
    let text = |pick: fn(&WebhookBody) -> &str| {
        Value::String(first.map_or_else(String::new, |alert| harmless(pick(alert))))
    };
    let mut gaps = Map::new();
    gaps.insert("headline".to_owned(), headline.into());
    gaps.insert("markdown".to_owned(), markdown(alerts, language).into());
    gaps.insert("count".to_owned(), alerts.len().into());
    gaps.insert(
        "state".to_owned(),
        first.map_or("", |alert| alert.state.as_str()).into(),
    );
    gaps.insert("severity".to_owned(), text(|alert| &alert.severity));
    gaps.insert("rule".to_owned(), text(|alert| &alert.rule));
    gaps.insert("title".to_owned(), text(|alert| &alert.title));
    gaps.insert("summary".to_owned(), text(|alert| &alert.summary));
    gaps.insert("explanation".to_owned(), text(|alert| &alert.explanation));
    gaps.insert(
        "link".to_owned(),
        first.map_or("", |alert| alert.link.as_str()).into(),
    );
    gaps
}

fn mark(alert: &WebhookBody) -> &'static str {
    match (alert.state, alert.severity.as_str()) {
        (State::Active, "critical") => "🔴",
        (State::Active, "warning") => "🟠",
        (State::Active, _) => "🔵",
        (State::Resolved | State::Deleted, _) => "✅",
    }
}

/// One message; what does not fit is counted.
fn markdown(alerts: &[WebhookBody], language: Language) -> String {
    let mut out = String::new();
    for (index, alert) in alerts.iter().enumerate() {
        let (devices, details) = match language {
            Language::En => ("Devices", "Details"),
            Language::Zh => ("设备", "详情"),
        };
        let mut part = format!(
            "### {} {}\n{}\n\n> {}\n",
            mark(alert),
            harmless(&alert.title),
            harmless(&alert.summary),
            harmless(&cut(&alert.explanation, 900))
        );
        if !alert.sample_devices.is_empty() {
            part.push_str(&format!(
                "\n{devices}: {}\n",
                harmless(&cut(&alert.sample_devices.join(", "), 300))
            ));
        }
        if !alert.link.is_empty() {
            part.push_str(&format!("\n[{details}]({})\n", alert.link));
        }
        part.push('\n');
        if out.len() + part.len() > MARKDOWN_BYTES_MAX {
            let left = alerts.len() - index;
            out.push_str(&match language {
                Language::En => format!("… and {left} more\n"),
                Language::Zh => format!("…… 另有 {left} 条\n"),
            });
            break;
        }
        out.push_str(&part);
    }
    out
}

/// The first characters of a text, and that it goes on.
fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", text.split_at(at).0),
        None => text.to_owned(),
    }
}

/// Text that no robot's Markdown takes for a mark: logged text must not make links, mentions, colours or headings.
/// Full-width forms, because these robots know no escapes.
fn harmless(text: &str) -> String {
    text.lines()
        .map(one_line_of_any_length)
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .map(|c| match c {
            '<' => '＜',
            '>' => '＞',
            '[' => '［',
            ']' => '］',
            '*' => '＊',
            '`' => '｀',
            '#' => '＃',
            '@' => '＠',
            '|' => '｜',
            other => other,
        })
        .collect()
}

fn one_line_of_any_length(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    chars
        .chunks(150)
        .map(|chunk| one_line(&chunk.iter().collect::<String>()))
        .collect()
}

#[cfg(test)]
mod tests;
