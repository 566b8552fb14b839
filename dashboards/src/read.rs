//! The one way from a page to the store: a report's SQL with its parameters, within the reader's patience.

use std::sync::Arc;
use std::time::{Duration, Instant};

use patchlens_queries::Param;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::cache::{CLUSTER_AGE_MAX, key};
use crate::error::{Error, Result};
use crate::pages::sql::model::{Column, Table};
use crate::server::App;

/// Pages may be this far behind the store.
const MARK_AGE_MAX: Duration = Duration::from_millis(250);

/// Runs a report and reads its rows. Values reach the statement only as server-side parameters.
///
/// While nothing arrives the answer is not asked for twice: see [`crate::cache`].
pub(crate) async fn rows<T: DeserializeOwned>(
    app: &App,
    doing: &'static str,
    sql: &str,
    parameters: &[(&str, &str)],
) -> Result<Vec<T>> {
    let mark = newest_mark(app).await?;
    let key = key(sql, parameters);
    let age_max = app
        .store
        .config()
        .cluster
        .is_some()
        .then_some(CLUSTER_AGE_MAX);
    if let Some(answer) = app.cache.get(key, &mark, age_max) {
        return parse(app, doing, &answer);
    }
    let answer = fetch(app, doing, sql, parameters).await?;
    app.cache.put(key, mark, Arc::clone(&answer));
    parse(app, doing, &answer)
}

/// Asks the store for a sign of life.
pub(crate) async fn ping(app: &App) -> Result<()> {
    patiently(app, "ask the store for a sign of life", app.store.ping()).await
}

#[derive(Deserialize)]
struct Mark {
    mark: String,
}

/// A text that changes whenever something arrived or was recomputed, asked for now.
pub(crate) async fn mark(app: &App) -> Result<String> {
    let doing = "ask the store for news";
    let answer = fetch(
        app,
        doing,
        include_str!("../../queries/reports/page_live_mark.sql"),
        &[],
    )
    .await?;
    let marks: Vec<Mark> = parse(app, doing, &answer)?;
    Ok(marks
        .into_iter()
        .next()
        .map_or_else(String::new, |row| row.mark))
}

/// The mark, at most [`MARK_AGE_MAX`] old. One page's reports share one question.
async fn newest_mark(app: &App) -> Result<String> {
    let mut newest = app.cache.mark.lock().await;
    match newest.as_ref() {
        Some((asked, mark)) if asked.elapsed() < MARK_AGE_MAX => Ok(mark.clone()),
        _ => {
            let mark = mark(app).await?;
            *newest = Some((Instant::now(), mark.clone()));
            Ok(mark)
        }
    }
}

async fn fetch(
    app: &App,
    doing: &'static str,
    sql: &str,
    parameters: &[(&str, &str)],
) -> Result<Arc<[u8]>> {
    let parameters: Vec<(&str, Param)> = parameters
        .iter()
        .map(|(name, value)| (*name, Param::from(*value)))
        .collect();
    let answer = patiently(
        app,
        doing,
        app.store
            .query_bytes(doing, sql, &parameters, "JSONEachRow"),
    )
    .await?;
    Ok(Arc::from(answer.as_ref()))
}

fn parse<T: DeserializeOwned>(app: &App, doing: &'static str, answer: &[u8]) -> Result<Vec<T>> {
    let rows = serde_json::Deserializer::from_slice(answer).into_iter();
    rows.collect::<Result<_, _>>()
        .map_err(|error| Error::Store {
            doing,
            source: patchlens_queries::Error::Answer {
                url: app.store.config().url.clone(),
                doing: doing.to_owned(),
                detail: error.to_string(),
            },
        })
}

/// The answer format of [`statement`]: every value as text.
#[derive(Deserialize)]
struct Answer {
    meta: Vec<Column>,
    data: Vec<Vec<Option<String>>>,
}

/// Runs a statement that [`crate::pages::sql`] has found to be harmless.
pub(crate) async fn statement(app: &App, sql: &str, max_rows: u64) -> Result<Table> {
    let doing = "run the statement";
    // The barrier: whatever the page let through, the store lets an analyst read within limits and no more.
    let analyst = app.store.analyst(app.config.store_timeout());
    let analyst = analyst.map_err(|source| Error::Store { doing, source })?;
    let answered = analyst.query_bytes(doing, sql, &[], "JSONCompactStrings");
    let answered = patiently(app, doing, answered).await;
    let bytes = answered.map_err(|error| match error {
        Error::Store {
            source: patchlens_queries::Error::Exception { message, .. },
            ..
        } => Error::Statement { message },
        other => other,
    })?;
    let answer: Answer = serde_json::from_slice(&bytes).map_err(|error| Error::Statement {
        message: error.to_string(),
    })?;
    let max_rows = usize::try_from(max_rows).unwrap_or(usize::MAX);
    let cut = answer.data.len() > max_rows;
    let rows = answer.data.into_iter().take(max_rows);
    let rows = rows
        .map(|row| row.into_iter().map(Option::unwrap_or_default).collect())
        .collect();
    Ok(Table {
        columns: answer.meta,
        rows,
        cut,
    })
}

async fn patiently<T>(
    app: &App,
    doing: &'static str,
    answer: impl Future<Output = patchlens_queries::Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(app.config.store_timeout(), answer).await {
        Ok(answered) => answered.map_err(|source| Error::Store { doing, source }),
        Err(_) => Err(Error::Slow {
            doing,
            timeout_ms: app.config.store_timeout_ms,
        }),
    }
}
