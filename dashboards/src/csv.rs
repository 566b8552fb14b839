//! CSV as RFC 4180 writes it, safe to open in a spreadsheet.

/// Appends one record.
pub(crate) fn record<'a>(text: &mut String, fields: impl IntoIterator<Item = &'a str>) {
    for (index, field) in fields.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        // A spreadsheet runs what starts like a formula, and log text is hostile; numbers stay numbers.
        let formula =
            field.starts_with(['=', '+', '-', '@', '\t', '\r']) && field.parse::<f64>().is_err();
        if formula || field.contains([',', '"', '\n', '\r']) {
            text.push('"');
            if formula {
                text.push('\'');
            }
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(field);
        }
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_formulas_are_text() {
        let mut text = String::new();
        record(
            &mut text,
            ["a", "b,c", "d\"e", "=cmd|' /C calc'!A0", "-12.5", "-x", ""],
        );
        assert_eq!(
            text,
            "a,\"b,c\",\"d\"\"e\",\"'=cmd|' /C calc'!A0\",-12.5,\"'-x\",\r\n"
        );
    }
}
