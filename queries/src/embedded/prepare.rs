//! Database and settings of a request: set before it, put back after it in a session.

use crate::embedded::analyst::limits::AnalystLimits;
use crate::embedded::failure::Failure;
use crate::embedded::ffi::{Connection, Parameters};
use crate::embedded::request::Request;

const UNKNOWN_DATABASE: u32 = 81;

/// Sets what the request asks for: the database and the settings.
pub(crate) fn prepare(connection: &mut Connection, request: &Request) -> Result<(), Failure> {
    let nothing = Parameters::default();
    if let Some(database) = &request.database {
        connection.query(
            format!("USE {}", quoted_name(database)).as_bytes(),
            "Null",
            &nothing,
        )?;
    }
    set(connection, &request.settings)
}

/// Makes the connection an analyst's: the database, the limits, and then nothing can be changed any more.
pub(crate) fn prepare_for_analyst(
    connection: &mut Connection,
    request: &Request,
    limits: &AnalystLimits,
) -> Result<(), Failure> {
    let asked = request
        .database
        .as_deref()
        .filter(|name| *name != "default");
    let database = asked.unwrap_or(&limits.database);
    if database.eq_ignore_ascii_case("system") {
        return Err(Failure::new(
            497,
            "ACCESS_DENIED",
            "not for analysts: system as the current database; name its tables as system.tables",
        ));
    }
    let mut enter = |database: &str| {
        let statement = format!("USE {}", quoted_name(database));
        connection
            .query(statement.as_bytes(), "Null", &Parameters::default())
            .map(drop)
    };
    match enter(database) {
        // Nothing was stored yet. The engine's own default database would show files as tables.
        Err(failure) if failure.code == UNKNOWN_DATABASE && asked.is_none() => {
            enter("information_schema")?;
        }
        entered => entered?,
    }
    set(connection, &limits.settings(&request.settings)?)?;
    set(connection, &[("readonly".to_owned(), "1".to_owned())])
}

fn set(connection: &mut Connection, pairs: &[(String, String)]) -> Result<(), Failure> {
    if pairs.is_empty() {
        return Ok(());
    }
    let nothing = Parameters::default();
    let mut settings = Vec::new();
    for (name, value) in pairs {
        if !is_identifier(name) {
            return Err(Failure::new(
                115,
                "UNKNOWN_SETTING",
                &format!("Unknown setting {name:?}"),
            ));
        }
        settings.push(format!(
            "{name} = '{}'",
            value.replace('\\', "\\\\").replace('\'', "\\'")
        ));
    }
    connection
        .query(
            format!("SET {}", settings.join(", ")).as_bytes(),
            "Null",
            &nothing,
        )
        .map(drop)
}

/// Runs with the request's settings and puts back those that the session had: settings of a request
/// hold for this request only.
pub(crate) fn restore_after(
    connection: &mut Connection,
    request: &Request,
    run: impl FnOnce(&mut Connection) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let names: Vec<&str> = request
        .settings
        .iter()
        .map(|(name, _)| name.as_str())
        .chain(["max_result_bytes", "result_overflow_mode"])
        .collect();
    let list = names
        .iter()
        .filter(|name| is_identifier(name))
        .map(|name| format!("'{name}'"))
        .collect::<Vec<_>>()
        .join(", ");
    let nothing = Parameters::default();
    let before = connection.query(
        format!("SELECT arrayStringConcat(groupArray(name || ' = ' || if(changed, '\\'' || replaceAll(replaceAll(value, '\\\\', '\\\\\\\\'), '\\'', '\\\\\\'') || '\\'', 'DEFAULT')), ', '), currentDatabase() FROM system.settings WHERE name IN ({list})").as_bytes(),
        "TSVRaw",
        &nothing,
    )?;
    let text = String::from_utf8_lossy(before.bytes())
        .trim_end()
        .to_owned();
    drop(before);
    let ran = run(connection);
    let (settings, database) = text.rsplit_once('\t').unwrap_or_default();
    let put_back = [
        Some(format!("SET {settings}")),
        request
            .database
            .as_ref()
            .map(|_| format!("USE {}", quoted_name(database))),
    ];
    for statement in put_back.into_iter().flatten() {
        if let Err(failure) = connection.query(statement.as_bytes(), "Null", &nothing) {
            tracing::warn!(error = %failure, "cannot put back the settings of a session");
        }
    }
    ran
}

/// True for a name that may stand unquoted in a statement.
fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn quoted_name(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}
