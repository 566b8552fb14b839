//! One request, run on an engine thread from its first byte to its last.

use std::io::{self, Read};

use crate::embedded::access::Role;
use crate::embedded::analyst::{self, limits::ResultLimits};
use crate::embedded::body::BodyReader;
use crate::embedded::codec::Encoding;
use crate::embedded::core::Core;
use crate::embedded::failure::{Failure, NOT_IMPLEMENTED, TOO_LARGE};
use crate::embedded::ffi::{Connection, Parameters};
use crate::embedded::join::Joiner;
use crate::embedded::output::{Output, Reply};
use crate::embedded::prepare::{prepare, prepare_for_analyst, restore_after};
use crate::embedded::request::Request;
use crate::embedded::sql;

/// The part of a body in which an INSERT's FORMAT has to stand.
const HEAD_BYTES: usize = 1 << 20;
/// The longest statement, inline VALUES included. INSERT … FORMAT is streamed and has no limit here.
const STATEMENT_BYTES_MAX: usize = 64 << 20;
/// Longer texts are not classified: only inline VALUES are that long.
const CLASSIFIED_BYTES_MAX: usize = 256 << 10;
/// Results whose pieces do not join are made in one piece, in memory, up to this size.
const WHOLE_RESULT_BYTES_MAX: u64 = 256 << 20;
/// Data is handed to the engine in pieces of this size.
const INSERT_PIECE_BYTES: usize = 1 << 20;
const UNEXPECTED_PACKET_FROM_SERVER: u32 = 102;

/// Runs `request` and writes the response, whatever happens.
pub(crate) fn execute(core: &Core, request: &Request, body: BodyReader, reply: Reply) {
    let tag = request
        .query_id
        .bytes()
        .filter(u8::is_ascii_alphanumeric)
        .chain(std::iter::repeat(b'x'))
        .take(16)
        .map(char::from)
        .collect();
    let mut output = match Output::new(
        reply,
        request.reply_encoding,
        request.wait_end_of_query,
        tag,
        core.version_text(),
    ) {
        Ok(output) => output,
        Err(error) => return tracing::error!(%error, "cannot start a response"),
    };
    match run(core, request, body, &mut output) {
        Ok(()) => output.finish(),
        Err(failure) => {
            tracing::debug!(code = failure.code, query_id = request.query_id, error = %failure, "query failed");
            output.fail(&failure);
        }
    }
}

fn run(
    core: &Core,
    request: &Request,
    body: BodyReader,
    output: &mut Output,
) -> Result<(), Failure> {
    // Nothing that an analyst does outlives the statement, so that there is nothing for a session to keep.
    let (Role::Writer, Some(session)) = (request.role, &request.session) else {
        let mut connection = core.open()?;
        return run_on(core, &mut connection, request, body, output);
    };
    core.sessions.with(
        session,
        || core.open(),
        |connection| {
            let ran = restore_after(connection, request, |connection| {
                run_on(core, connection, request, body, output)
            });
            // A connection that lost the thread of its own protocol is of no use any more.
            let broken = ran
                .as_ref()
                .is_err_and(|failure| failure.code == UNEXPECTED_PACKET_FROM_SERVER);
            (ran, !broken)
        },
    )?
}

fn run_on(
    core: &Core,
    connection: &mut Connection,
    request: &Request,
    body: BodyReader,
    output: &mut Output,
) -> Result<(), Failure> {
    match request.role {
        Role::Writer => prepare(connection, request)?,
        Role::Analyst => prepare_for_analyst(connection, request, &core.analyst)?,
    }
    let mut plain = request
        .body_encoding
        .decoder(body)
        .map_err(|error| unreadable(&error))?;
    if request.body_has_blocks {
        plain = Encoding::Blocks
            .decoder(plain)
            .map_err(|error| unreadable(&error))?;
    }
    let bytes_max = match request.role {
        Role::Writer => STATEMENT_BYTES_MAX,
        Role::Analyst => analyst::STATEMENT_BYTES_MAX,
    };
    match read_input(&request.query, plain.as_mut(), bytes_max)? {
        Input::Insert {
            statement,
            format,
            first_data,
        } => {
            check(connection, request, &statement, true)?;
            insert(
                connection,
                request,
                &statement,
                &format,
                io::Cursor::new(first_data).chain(plain),
                output,
            )
        }
        Input::Statement(statement) => {
            drop(plain);
            check(connection, request, &statement, false)?;
            let limits = match request.role {
                Role::Writer => None,
                Role::Analyst => Some(core.analyst.result(&request.settings)?),
            };
            answer(connection, request, &statement, limits, output)
        }
    }
}

/// What a body and the `query` parameter hold together.
enum Input {
    Insert {
        statement: Vec<u8>,
        format: String,
        first_data: Vec<u8>,
    },
    Statement(Vec<u8>),
}

fn read_input(query: &str, body: &mut dyn Read, bytes_max: usize) -> Result<Input, Failure> {
    let mut text = query.as_bytes().to_vec();
    let mut head = Vec::new();
    body.take(HEAD_BYTES.min(bytes_max) as u64)
        .read_to_end(&mut head)
        .map_err(|error| unreadable(&error))?;
    if !text.is_empty() && !head.is_empty() {
        text.push(b'\n');
    }
    text.append(&mut head);
    if let Some(found) = sql::insert_with_data(&text) {
        let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
        return Ok(Input::Insert {
            statement: part(found.statement).to_vec(),
            format: String::from_utf8_lossy(part(found.format)).into_owned(),
            first_data: part(found.data_start..text.len()).to_vec(),
        });
    }
    body.take(bytes_max as u64 + 1)
        .read_to_end(&mut text)
        .map_err(|error| unreadable(&error))?;
    if text.len() > bytes_max {
        return Err(Failure::new(
            TOO_LARGE,
            "TOO_LARGE_STRING_SIZE",
            &format!("the statement is longer than {} KiB", bytes_max >> 10),
        ));
    }
    Ok(Input::Statement(text))
}

/// Refuses what the HTTP interface of a server refuses too.
fn check(
    connection: &mut Connection,
    request: &Request,
    statement: &[u8],
    is_insert: bool,
) -> Result<(), Failure> {
    if statement.trim_ascii().is_empty() {
        return Err(Failure::new(62, "SYNTAX_ERROR", "Empty query"));
    }
    let readonly = || {
        Failure::new(
            164,
            "READONLY",
            "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries.",
        )
    };
    if request.role == Role::Analyst {
        return if is_insert {
            Err(analyst::readonly())
        } else {
            analyst::admit(connection, statement, &request.parameters)
        };
    }
    if is_insert {
        return if request.is_read_only {
            Err(readonly())
        } else {
            Ok(())
        };
    }
    if sql::outline(statement).uses_file {
        return Err(Failure::new(
            NOT_IMPLEMENTED,
            "NOT_IMPLEMENTED",
            "INTO OUTFILE and FROM INFILE are not for clients of the HTTP interface",
        ));
    }
    let class = if statement.len() <= CLASSIFIED_BYTES_MAX {
        connection.classify(statement)
    } else {
        None
    };
    if class.is_some_and(|class| class.count > 1) {
        return Err(Failure::new(
            62,
            "SYNTAX_ERROR",
            "Multi-statements are not allowed",
        ));
    }
    // What cannot be classified did not parse, or is too long for a read.
    if request.is_read_only && class.is_some_and(|class| class.count == 1 && !class.is_read_only) {
        return Err(readonly());
    }
    Ok(())
}

fn insert(
    connection: &mut Connection,
    request: &Request,
    statement: &[u8],
    format: &str,
    mut data: impl Read,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut stream = connection.insert(statement.trim_ascii_end(), format, &request.parameters)?;
    let mut piece = Vec::with_capacity(INSERT_PIECE_BYTES);
    loop {
        piece.clear();
        (&mut data)
            .take(INSERT_PIECE_BYTES as u64)
            .read_to_end(&mut piece)
            .map_err(|error| unreadable(&error))?;
        if piece.is_empty() {
            break;
        }
        stream.append(&piece)?;
    }
    output.counts = stream.finish()?;
    Ok(())
}

fn answer(
    connection: &mut Connection,
    request: &Request,
    statement: &[u8],
    limits: Option<ResultLimits>,
    output: &mut Output,
) -> Result<(), Failure> {
    const STREAMING_IS_NOT_SUPPORTED: u32 = 36;
    let outline = sql::outline(statement);
    let format = outline
        .format
        .as_deref()
        .or(request.default_format.as_deref())
        .unwrap_or("TabSeparated");
    output.set_format(format);
    // Totals, extremes and arrays of rows stand outside the rows, once per document.
    let is_plain = !outline.has_totals
        && request
            .settings
            .iter()
            .all(|(name, _)| name != "extremes" && name != "output_format_json_array_of_rows");
    let is_select = matches!(outline.first_word.as_str(), "select" | "with" | "");
    if let (true, true, Some(joiner)) = (is_plain, is_select, Joiner::new(format)) {
        let how = (joiner, limits);
        match stream(connection, request, statement, format, how, output) {
            Err(failure)
                if failure.code == STREAMING_IS_NOT_SUPPORTED && output.counts.rows_result == 0 => {
            }
            ended => return ended,
        }
    }
    // An analyst's limits are set already, and cannot be any more.
    if request.role == Role::Writer
        && !request
            .settings
            .iter()
            .any(|(name, _)| name == "max_result_bytes")
    {
        let limit = format!(
            "SET max_result_bytes = {WHOLE_RESULT_BYTES_MAX}, result_overflow_mode = 'throw'"
        );
        connection.query(limit.as_bytes(), "Null", &Parameters::default())?;
    }
    let whole = connection.query(statement, format, &request.parameters)?;
    output.counts = whole.counts();
    output.write(whole.bytes())
}

fn stream(
    connection: &mut Connection,
    request: &Request,
    statement: &[u8],
    format: &str,
    (mut joiner, limits): (Joiner, Option<ResultLimits>),
    output: &mut Output,
) -> Result<(), Failure> {
    let mut bytes = 0_u64;
    let mut pieces = connection.stream(statement, format, &request.parameters)?;
    while let Some(piece) = pieces.next_piece()? {
        output.counts.add(piece.counts());
        bytes = bytes.saturating_add(piece.bytes().len() as u64);
        if let Some(limits) = limits
            && limits.is_reached(output.counts.rows_result, bytes)?
        {
            break;
        }
        output.write(joiner.push(piece.bytes())?)?;
    }
    output.write(joiner.finish())
}

fn unreadable(error: &io::Error) -> Failure {
    let (code, name) = match error.kind() {
        io::ErrorKind::FileTooLarge => (TOO_LARGE, "TOO_LARGE_STRING_SIZE"),
        io::ErrorKind::TimedOut => (209, "SOCKET_TIMEOUT"),
        io::ErrorKind::InvalidData => (271, "CANNOT_DECOMPRESS"),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::Other => (210, "NETWORK_ERROR"),
        _ => (33, "CANNOT_READ_ALL_DATA"),
    };
    Failure::new(
        code,
        name,
        &format!("cannot read the body of the request: {error}"),
    )
}
