//! `alert`: the service, and three ways to look at what it would do.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use patchlens_alert::Metrics;
use patchlens_alert::history::{Change, Span, back_test};
use patchlens_alert::state::State;
use serde::Serialize;

use crate::alerting::{self, ActiveAlert, worst_first};
use crate::cli::{Alert, Language};
use crate::config::{Config, socket_address};
use crate::health::{self, AlertVitals};
use crate::output::{Format, Outcome, columns, print, print_json, say};
use crate::services::{OpenStore, runtime, stop_signal};

/// What `--once` and `--back-test` found; its JSON Schema is docs/schema/alert.v1.json.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct AlertReport {
    /// Up to when the data counted.
    pub(crate) as_of: String,
    /// Alerts that are active then, the worst first.
    pub(crate) active: Vec<ActiveAlert>,
    /// What was raised and what ended on the way; empty for `--once`.
    pub(crate) changes: Vec<Change>,
    /// Rules that could not be evaluated, and why.
    pub(crate) failures: Vec<String>,
}

pub(crate) fn run(config: Config, command: &Alert) -> anyhow::Result<Outcome> {
    if command.check {
        return check(&config, command);
    }
    // Wrong arguments and rules are said before a store is opened.
    let rules_dir = command.rules.as_deref();
    let rules = alerting::rules(&config, rules_dir)?;
    let span = command
        .back_test
        .as_deref()
        .map(|span| parse_span(span, &command.step))
        .transpose()?;
    let as_of = command.as_of.as_deref().map(parse_time).transpose()?;
    runtime()?.block_on(async {
        let stop = stop_signal();
        let only_looks = command.once || span.is_some();
        let open = if only_looks {
            OpenStore::open_to_read(&config).await?
        } else {
            OpenStore::join(&config).await?
        };
        let done = async {
            if let Some(span) = span {
                let (changes, alerts) = back_test(&open.store, &rules, span, progress).await?;
                return report(
                    command,
                    &AlertReport {
                        as_of: span.to.to_string(),
                        active: worst_first(alerts.values()),
                        changes,
                        failures: Vec::new(),
                    },
                );
            }
            let metrics = Arc::new(Metrics::default());
            let mut service =
                alerting::service(&config, rules_dir, open.store.clone(), Arc::clone(&metrics))?;
            if command.once {
                let evaluation = match as_of {
                    Some(as_of) => service.look_back(as_of).await?,
                    None => service.look().await?,
                };
                let failures = evaluation.failures.into_iter();
                return report(
                    command,
                    &AlertReport {
                        as_of: evaluation.as_of.to_string(),
                        active: worst_first(service.alerts().values()),
                        changes: Vec::new(),
                        failures: failures
                            .map(|error| format!("{:#}", anyhow::Error::from(error)))
                            .collect(),
                    },
                );
            }
            if let Some(address) = &command.health {
                let vitals = AlertVitals {
                    metrics,
                    interval_seconds: config.alert.interval_seconds,
                };
                let address = socket_address("--health", address)?;
                health::serve(address, Arc::new(vitals), stop.clone()).await?;
            }
            let sinks = config.alert.sinks()?;
            say(&format!(
                "{} rules every {} s, {} sinks",
                rules.len(),
                config.alert.interval_seconds,
                sinks.len()
            ));
            service.run(sinks, stop).await;
            Ok(Outcome::Done)
        }
        .await;
        open.close().await?;
        done
    })
}

/// Says which rules there are; a broken one has been refused by now, with file and line.
fn check(config: &Config, command: &Alert) -> anyhow::Result<Outcome> {
    let rules = alerting::rules(config, command.rules.as_deref())?;
    let rows: Vec<Vec<String>> = rules
        .iter()
        .map(|rule| {
            let title = match command.lang {
                Language::En => &rule.title.en,
                Language::Zh => &rule.title.zh,
            };
            vec![
                rule.name.clone(),
                rule.severity.as_str().to_owned(),
                rule.labels.join(" "),
                rule.file.clone(),
                title.clone(),
            ]
        })
        .collect();
    if command.format == Format::Json {
        let rules: Vec<_> = rules
            .iter()
            .map(|rule| {
                serde_json::json!({
                    "rule": rule.name, "severity": rule.severity.as_str(), "labels": rule.labels,
                    "file": rule.file, "title": rule.title,
                })
            })
            .collect();
        print_json(
            &serde_json::json!({"rules": rules, "sinks": config.alert.sinks()?.iter().map(|sink| sink.name().to_owned()).collect::<Vec<_>>()}),
        )?;
        return Ok(Outcome::Done);
    }
    let mut text = columns(&["rule", "severity", "labels", "file", "title"], &rows);
    let _infallible = writeln!(
        text,
        "\n{} rules and {} sinks are in order",
        rules.len(),
        config.alert.sinks()?.len()
    );
    print(&text)?;
    Ok(Outcome::Done)
}

fn progress(step: usize, steps: usize) {
    if step == 1 || step == steps || step.is_multiple_of(100) {
        say(&format!("step {step} of {steps}"));
    }
}

fn report(command: &Alert, report: &AlertReport) -> anyhow::Result<Outcome> {
    if command.format == Format::Json {
        print_json(report)?;
    } else {
        print(&as_text(report, command.lang))?;
    }
    ensure!(
        report.failures.is_empty(),
        "{} rules could not be evaluated: {}",
        report.failures.len(),
        report.failures.join("; ")
    );
    Ok(Outcome::Done)
}

fn as_text(report: &AlertReport, lang: Language) -> String {
    let mut text = String::new();
    for change in &report.changes {
        let what = match (change.state, lang) {
            (State::Active, Language::En) => "raised  ",
            (State::Resolved, Language::En) => "resolved",
            (State::Deleted, Language::En) => "deleted ",
            (State::Active, Language::Zh) => "触发",
            (State::Resolved, Language::Zh) => "解除",
            (State::Deleted, Language::Zh) => "删除",
        };
        let (summary, why) = match lang {
            Language::En => (&change.summary_en, &change.explanation_en),
            Language::Zh => (&change.summary_zh, &change.explanation_zh),
        };
        let _infallible = writeln!(
            text,
            "{}  {what}  {:<8}  {}: {summary}",
            change.at, change.severity, change.rule
        );
        if change.state == State::Active {
            let _infallible = writeln!(text, "    {why}");
        }
    }
    if !report.changes.is_empty() {
        text.push('\n');
    }
    let (active, as_of) = (report.active.len(), &report.as_of);
    text.push_str(&match lang {
        Language::En => format!("{active} alerts are active as of {as_of}\n"),
        Language::Zh => format!("截至 {as_of}，有 {active} 个活动告警\n"),
    });
    for alert in &report.active {
        let (since, devices) = (&alert.started_at, alert.sample_devices.join(", "));
        let (summary, why, since) = match lang {
            Language::En => (
                &alert.summary_en,
                &alert.explanation_en,
                format!("since {since}; {devices}"),
            ),
            Language::Zh => (
                &alert.summary_zh,
                &alert.explanation_zh,
                format!("始于 {since}；{devices}"),
            ),
        };
        let _infallible = writeln!(
            text,
            "{:<8}  {}: {summary}\n    {why}\n    {since}",
            alert.severity, alert.rule
        );
    }
    text
}

/// Reads `FROM..TO`.
fn parse_span(text: &str, step: &str) -> anyhow::Result<Span> {
    let (from, to) = text.split_once("..").with_context(|| {
        format!("--back-test is {text:?}; expected FROM..TO, such as 2024-08-13..2024-08-30")
    })?;
    let step: SignedDuration = step
        .parse()
        .with_context(|| format!("--step is {step:?}; expected a duration, such as 15m or 6h"))?;
    let span = Span {
        from: parse_time(from)?,
        to: parse_time(to)?,
        step,
    };
    match span.moments() {
        Ok(_) => Ok(span),
        Err(problem) => bail!("--back-test {text} --step {step:#}: {problem}"),
    }
}

/// Reads a time, or a date, whose beginning in UTC is meant.
fn parse_time(text: &str) -> anyhow::Result<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let local: civil::DateTime = text
        .parse()
        .or_else(|_| text.parse::<civil::Date>().map(civil::DateTime::from))
        .with_context(|| {
            format!("{text:?} is no time; expected one in UTC, such as 2024-08-13 or 2024-08-13T06:00:00Z")
        })?;
    Ok(local.to_zoned(TimeZone::UTC)?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_read_as_utc() {
        for (text, at) in [
            ("2024-08-13", "2024-08-13T00:00:00Z"),
            ("2024-08-13T06:30", "2024-08-13T06:30:00Z"),
            ("2024-08-13 06:30:00", "2024-08-13T06:30:00Z"),
            ("2024-08-13T06:30:00+08:00", "2024-08-12T22:30:00Z"),
        ] {
            assert_eq!(parse_time(text).unwrap().to_string(), at, "{text}");
        }
        assert!(parse_time("13.8.2024").is_err());
    }

    #[test]
    fn a_wrong_span_says_what_is_expected() {
        assert!(parse_span("2024-08-13..2024-08-14", "15m").is_ok());
        for (span, step, named) in [
            ("2024-08-13", "15m", "FROM..TO"),
            ("2024-08-14..2024-08-13", "15m", "before"),
            ("2024-08-13..2024-08-14", "soon", "--step"),
            ("2024-08-13..2024-08-14", "0s", "step"),
        ] {
            let error = format!("{:#}", parse_span(span, step).unwrap_err());
            assert!(error.contains(named), "{error}");
        }
    }
}
