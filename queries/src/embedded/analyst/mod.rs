//! What an analyst's statement may do, decided before it runs.
//!
//! Layers, each enough for most attacks and none trusted alone:
//! 1. one statement, which the engine's own classification calls reading;
//! 2. [`outline`]: the engine's own parse tree (`EXPLAIN AST`, parameters filled in) holds only reading nodes, only
//!    functions of the list and no table of the engine's own that tells of others;
//! 3. [`expansion`]: what the planner would make of WITH stays small, for planning knows no time limit;
//! 4. [`limits`]: time, rows, bytes and memory are set, then `readonly = 1`, which nothing lifts;
//! 5. [`super::confine`]: whatever is left reaches no file outside the data directory and no network.

mod expansion;
mod functions;
pub(crate) mod limits;
mod outline;

use crate::embedded::failure::Failure;
use crate::embedded::ffi::{Connection, Parameters};

/// The longest statement. Lists of ids make statements long; nothing else does.
pub(crate) const STATEMENT_BYTES_MAX: usize = 256 << 10;

/// Refuses the statement, or lets it run on this connection, which is read-only by now.
///
/// # Errors
/// READONLY, ACCESS_DENIED or SYNTAX_ERROR with the reason.
pub(crate) fn admit(
    connection: &mut Connection,
    statement: &[u8],
    parameters: &Parameters,
) -> Result<(), Failure> {
    if statement.len() > STATEMENT_BYTES_MAX {
        return Err(denied("the statement is longer than 256 KiB"));
    }
    match connection.classify(statement) {
        Some(class) if class.count == 1 && class.is_read_only => {}
        Some(class) if class.count > 1 => {
            return Err(Failure::new(
                62,
                "SYNTAX_ERROR",
                "Multi-statements are not allowed",
            ));
        }
        // Nothing that is not known to be one reading statement is put behind EXPLAIN: it might be run.
        _ => return Err(syntax_error(connection, statement).unwrap_or_else(readonly)),
    }
    let explain = [b"EXPLAIN AST ".as_slice(), statement].concat();
    let tree = connection.query(&explain, "TSVRaw", parameters)?;
    let tree = String::from_utf8_lossy(tree.bytes()).into_owned();
    let found = outline::read(&tree).map_err(|reason| denied(&reason))?;
    expansion::check(statement, parameters, &found.tables).map_err(|reason| denied(&reason))?;
    Ok(())
}

/// What the engine has against the statement's syntax. The text goes there as a value, which is parsed and never run.
fn syntax_error(connection: &mut Connection, statement: &[u8]) -> Option<Failure> {
    let text = String::from_utf8_lossy(statement)
        .replace('\\', "\\\\")
        .replace('\t', "\\t")
        .replace('\n', "\\n");
    let parameters = Parameters(vec![("statement".to_owned(), text)]);
    let parsed = connection.query(
        b"SELECT formatQuery({statement:String})",
        "Null",
        &parameters,
    );
    let mut failure = parsed.err()?;
    if let Some(at) = failure.message.find(": In scope SELECT formatQuery") {
        failure.message.truncate(at);
        failure.message.push_str(". (SYNTAX_ERROR)");
    }
    Some(failure)
}

/// The answer to whatever would change something.
pub(crate) fn readonly() -> Failure {
    Failure::new(
        164,
        "READONLY",
        "Cannot execute query in readonly mode: analysts read. Whoever administers this machine writes as the user \
         patchlens, with the password in writer.password of the store's directory",
    )
}

fn denied(reason: &str) -> Failure {
    Failure::new(497, "ACCESS_DENIED", &format!("not for analysts: {reason}"))
}
