//! The one way from a page to the store: a report's SQL with its parameters, within the reader's patience.

use std::sync::Arc;
use std::time::Duration;

use patchlens_queries::Param;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::cache::{Found, Question};
use crate::error::{Error, Result};
use crate::pages::sql::model::{Column, Table};
use crate::reading;
use crate::server::App;

/// A page that wants the newest data may be this far behind the store.
const MARK_AGE_MAX: Duration = Duration::from_millis(250);
/// An answer that is behind by more is not shown: the reader waits for the new one.
const BEHIND_MAX: Duration = Duration::from_mins(5);

/// Runs a report and reads its rows. Values reach the statement only as server-side parameters.
///
/// While nothing arrives the answer is not asked for twice, and for a short while after the old one is given while the
/// new one is being counted: see [`crate::cache`] and [`crate::reading`].
pub(crate) async fn rows<T: DeserializeOwned>(
    app: &App,
    doing: &'static str,
    sql: &'static str,
    parameters: &[(&'static str, &str)],
) -> Result<Vec<T>> {
    let parameters = parameters
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    let question = Question {
        doing,
        sql,
        parameters,
    };
    parse(app, doing, &answer(app, &question).await?)
}

async fn answer(app: &App, question: &Question) -> Result<Arc<[u8]>> {
    confirm_mark(app).await?;
    if let Some((mark, _)) = app.cache.mark() {
        reading::note_mark(&mark);
    }
    match app.cache.find(question) {
        Found::Current(answer) => return Ok(answer),
        Found::Behind(answer, by) if by < BEHIND_MAX && !reading::wants_newest() => {
            reading::note_behind(by);
            if app.cache.turns.enqueue(question.key()) {
                let (app, question) = (app.clone(), question.clone());
                tokio::spawn(async move { renew(&app, &question).await });
            }
            return Ok(answer);
        }
        Found::Behind(..) | Found::Nothing => {}
    }
    let turns = &app.cache.turns;
    let (_reader, _renewal);
    if reading::keeps() {
        _renewal = turns.renew().await;
    } else {
        _reader = turns.wait();
    }
    let gate = app.cache.gate(question);
    let Ok(_turn) = tokio::time::timeout(app.config.store_timeout(), gate.lock()).await else {
        return Err(slow(app, question.doing));
    };
    // Who held the gate before may have asked already.
    match app.cache.find(question) {
        Found::Current(answer) => Ok(answer),
        Found::Behind(..) | Found::Nothing => ask(app, question).await,
    }
}

/// Asks again for an answer that is behind, unless somebody does so already: one at a time, and readers go first.
pub(crate) async fn renew(app: &App, question: &Question) -> Result<()> {
    let _turn = app.cache.turns.renew().await;
    app.cache.turns.dequeue(question.key());
    let gate = app.cache.gate(question);
    let Ok(_turn) = gate.try_lock() else {
        return Ok(());
    };
    match app.cache.find(question) {
        Found::Current(_) => Ok(()),
        Found::Behind(..) | Found::Nothing => ask(app, question).await.map(drop),
    }
}

async fn ask(app: &App, question: &Question) -> Result<Arc<[u8]>> {
    // The mark from before: data that arrives meanwhile makes the answer one that is behind.
    let mark = app.cache.mark().map(|(mark, _)| mark);
    let parameters: Vec<(&str, &str)> = question
        .parameters
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let answer = fetch(app, question.doing, question.sql, &parameters).await?;
    if let Some(mark) = mark {
        app.cache.put(question, &mark, &answer);
    }
    Ok(answer)
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
    let mark = marks
        .into_iter()
        .next()
        .map_or_else(String::new, |row| row.mark);
    app.cache.note_mark(&mark);
    Ok(mark)
}

/// Makes sure that the known mark is not too old. While [`crate::live`] watches the store no page asks for it, unless
/// it wants the newest data.
async fn confirm_mark(app: &App) -> Result<()> {
    let age_max = if app.live.is_watching() && !reading::wants_newest() {
        app.config.live_interval() * 3
    } else {
        MARK_AGE_MAX
    };
    let is_known = || app.cache.mark().is_some_and(|(_, age)| age < age_max);
    if is_known() {
        return Ok(());
    }
    let _turn = app.cache.asking_mark.lock().await;
    if !is_known() {
        mark(app).await?;
    }
    Ok(())
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
            source: patchlens_queries::Error::Exception { code, message, .. },
            ..
        } => Error::Statement {
            code: Some(code),
            message,
        },
        other => other,
    })?;
    let answer: Answer = serde_json::from_slice(&bytes).map_err(|error| Error::Statement {
        code: None,
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

/// Waits for the store no longer than a reader should.
pub(crate) async fn patiently<T>(
    app: &App,
    doing: &'static str,
    answer: impl Future<Output = patchlens_queries::Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(app.config.store_timeout(), answer).await {
        Ok(answered) => answered.map_err(|source| Error::Store { doing, source }),
        Err(_) => Err(slow(app, doing)),
    }
}

fn slow(app: &App, doing: &'static str) -> Error {
    Error::Slow {
        doing,
        timeout_ms: app.config.store_timeout_ms,
    }
}
