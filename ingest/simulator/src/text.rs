//! Appending formatted text.

use std::fmt::{Arguments, Write as _};

/// Appends formatted text to a String.
pub(crate) fn append(out: &mut String, text: Arguments<'_>) {
    // Writing to a String cannot fail.
    out.write_fmt(text).unwrap_or_default();
}

/// Appends one formatted line to a String: `put_line!(out, "{a}", …)`.
macro_rules! put_line {
    ($out:expr, $($argument:tt)+) => {{
        $crate::text::append(&mut $out, format_args!($($argument)+));
        $out.push('\n');
    }};
}

pub(crate) use put_line;
