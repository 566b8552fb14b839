//! What leaves the program: results on stdout, logs and errors on stderr.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use unicode_width::UnicodeWidthStr;

/// How a command ended; becomes the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything was done: exit code 0.
    Done,
    /// Done, but some input was rejected; where it is kept has been said: exit code 1.
    DoneWithRejects,
}

impl Outcome {
    pub(crate) fn from_rejects(rejected: u64) -> Self {
        if rejected == 0 {
            Self::Done
        } else {
            Self::DoneWithRejects
        }
    }
}

/// The form of a command's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, in columns.
    Table,
    /// For programs; the JSON Schemas are in docs/schema.
    Json,
    /// For tickets and mails.
    Markdown,
}

/// Sends logs to stderr: text on a terminal, JSON elsewhere; of a question (`is_question`) only warnings.
/// `RUST_LOG` overrides the level.
pub(crate) fn init_logging(verbose: u8, is_question: bool) {
    // Crate `evtx` complains of each damaged record, which the reader counts and reports itself.
    let level = match verbose {
        0 if is_question => "warn,evtx=off",
        0 => "warn,patchlens=info,evtx=off",
        1 => {
            "info,evtx=off,patchlens=debug,patchlens_stream=debug,patchlens_log=debug,patchlens_queries=debug"
        }
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // When nobody reads stderr any more, saying so on stderr would be the end of the program.
        .log_internal_errors(false)
        .with_writer(io::stderr);
    if io::stderr().is_terminal() {
        builder.with_target(false).compact().init();
    } else {
        builder.json().flatten_event(true).init();
    }
}

/// Writes a text for people to stdout, with a line end. What a log or a file name holds that would
/// steer a terminal is shown instead of done.
///
/// # Errors
/// When stdout cannot be written; a closed pipe is told apart by [`is_broken_pipe`].
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    write_out(&visible(text))
}

/// Writes data for programs to stdout as it is; text gets a line end. To a terminal it goes as
/// [`print`] writes it.
///
/// # Errors
/// As for [`print`].
pub(crate) fn print_data(data: &[u8]) -> anyhow::Result<()> {
    match std::str::from_utf8(data) {
        _ if io::stdout().is_terminal() => print(&String::from_utf8_lossy(data)),
        Ok(text) => write_out(text),
        // Parquet, Arrow and their like end where they end.
        Err(_) => {
            let mut out = io::stdout().lock();
            out.write_all(data)
                .and_then(|()| out.flush())
                .context("writing to stdout")
        }
    }
}

/// The text with a picture in the place of each control character but line ends and tabs, and of
/// each mark that turns the direction of writing.
fn visible(text: &str) -> Cow<'_, str> {
    let steers = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let picture = |c: char| match u32::from(c) {
        _ if !steers(c) => c,
        code @ 0..0x20 => char::from_u32(0x2400 + code).unwrap_or(char::REPLACEMENT_CHARACTER),
        0x7f => '\u{2421}',
        _ => char::REPLACEMENT_CHARACTER,
    };
    Cow::Owned(text.chars().map(picture).collect())
}

fn write_out(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .context("writing to stdout")?;
    if !text.is_empty() && !text.ends_with('\n') {
        out.write_all(b"\n").context("writing to stdout")?;
    }
    out.flush().context("writing to stdout")
}

/// Says on stdout where a service is. It goes on when nobody reads that any more.
///
/// # Errors
/// When stdout cannot be written for another reason.
pub(crate) fn announce(text: &str) -> anyhow::Result<()> {
    match print(text) {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        said => said,
    }
}

/// Writes a result to stdout as indented JSON.
pub(crate) fn print_json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    print_data(
        serde_json::to_string_pretty(value)
            .context("writing JSON")?
            .as_bytes(),
    )
}

/// Tells a person what is going on, on stderr, when somebody is looking.
pub(crate) fn say(text: &str) {
    if io::stderr().is_terminal() {
        // Progress is worth nothing when stderr is closed.
        drop(writeln!(io::stderr(), "{}", visible(text)));
    } else {
        tracing::info!("{text}");
    }
}

/// True when the reader of our stdout has gone away, as `head` does.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes the error and its causes, one per line, to stderr.
pub(crate) fn report_error(error: &anyhow::Error) {
    let mut text = format!("patchlens: {error}");
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Some libraries repeat their source in their own message.
        if !last.contains(&cause) {
            let _infallible = write!(text, "\n  because: {cause}");
        }
        last = cause;
    }
    drop(writeln!(io::stderr(), "{}", visible(&text)));
}

/// Lays out rows in columns, the header first, two spaces between; the last column is not padded.
pub(crate) fn columns(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|title| title.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    let header_row: Vec<String> = header.iter().map(|title| (*title).to_owned()).collect();
    for row in std::iter::once(&header_row).chain(rows) {
        let last = row.len().saturating_sub(1);
        for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
            text.push_str(cell);
            if index < last {
                let padding = width.saturating_sub(cell.width()).saturating_add(2);
                text.extend(std::iter::repeat_n(' ', padding));
            }
        }
        while text.ends_with(' ') {
            text.pop();
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_script() {
        let rows = vec![
            vec!["磁盘".to_owned(), "1".to_owned()],
            vec!["a".to_owned(), "22".to_owned()],
        ];
        assert_eq!(
            columns(&["site", "n"], &rows),
            "site  n\n磁盘  1\na     22\n"
        );
    }

    #[test]
    fn what_would_steer_a_terminal_is_shown() {
        assert_eq!(
            visible("a\x1b[2Jb\u{9b}31m\x7f\u{202e}\tc\r\n日"),
            "a␛[2Jb\u{fffd}31m␡\u{fffd}\tc\r\n日"
        );
        assert!(matches!(visible("CBS.log é 日"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let error = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe))
            .context("writing to stdout");
        assert!(is_broken_pipe(&error));
        assert!(!is_broken_pipe(&anyhow::anyhow!("broken pipe")));
    }
}
