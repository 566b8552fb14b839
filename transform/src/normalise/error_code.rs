//! Which of a record's codes is the one that it reports.

use memchr::memmem;
use patchlens_event::Hresult;

use crate::knowledge::{CodeCatalogue, FieldValues};

/// Returns the failing code that a text record reports: the one behind `HRESULT =`, which servicing
/// writes last and means; else the first failing code in reading order (a `[gle=…]` at the end of a
/// setup line is what the thread happened to have); else a symbol that stands for a code.
pub(crate) fn reported(codes: &[u32], message: &str, catalogue: &CodeCatalogue) -> Option<u32> {
    if let Some(code) = after_hresult(message) {
        return (code & 0x8000_0000 != 0).then_some(code);
    }
    codes
        .iter()
        .copied()
        .find(|code| code & 0x8000_0000 != 0)
        .or_else(|| symbolic(message, catalogue))
}

/// Returns the failing code that an event log record states in a named value, where it may be a
/// plain Win32 number or a negative decimal.
pub(crate) fn in_fields(fields: &str) -> Option<u32> {
    let values = FieldValues::parse(fields);
    [
        "errorCode",
        "error",
        "HResult",
        "hr",
        "status",
        "resultCode",
        "statusCode",
    ]
    .iter()
    .filter_map(|name| values.get(name))
    .filter_map(|value| Hresult::parse(value).ok())
    .find(|code| code.is_failure())
    .map(|code| code.0)
}

/// The last code that is introduced by `HRESULT = 0x`.
fn after_hresult(message: &str) -> Option<u32> {
    const MARK: &str = "HRESULT = 0x";
    let start = memmem::rfind(message.as_bytes(), MARK.as_bytes())? + MARK.len();
    u32::from_str_radix(message.get(start..start + 8)?, 16).ok()
}

/// The code of `HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND)`, `HRESULT_FROM_WIN32(1332)` and
/// `HRESULT_FROM_WIN32(14081=ERROR_SXS_ASSEMBLY_MISSING)`.
fn symbolic(message: &str, catalogue: &CodeCatalogue) -> Option<u32> {
    const MARK: &str = "HRESULT_FROM_WIN32(";
    let start = memmem::find(message.as_bytes(), MARK.as_bytes())? + MARK.len();
    named(message.get(start..)?.split(')').next()?, catalogue)
}

/// The failing code that a word names: a symbol of the catalogue, a Win32 number, `8007000d`, or
/// number and symbol as in `14081=ERROR_SXS_ASSEMBLY_MISSING`.
pub(crate) fn named(word: &str, catalogue: &CodeCatalogue) -> Option<u32> {
    let parts = || word.split('=').map(str::trim);
    parts()
        .find_map(|part| catalogue.by_symbol(part))
        .or_else(|| parts().find_map(|part| Hresult::parse(part).ok()))
        .filter(|code| code.is_failure())
        .map(|code| code.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Knowledge;

    fn check(message: &str, codes: &[u32], expected: Option<u32>) {
        let knowledge = Knowledge::builtin().unwrap();
        assert_eq!(
            reported(codes, message, knowledge.codes()),
            expected,
            "{message}"
        );
    }

    #[test]
    fn the_code_that_matters_is_chosen() {
        check(
            "Operation failed: Apply. Error: 0x80070005[gle=0x000000b7]",
            &[0x8007_0005, 0x8007_00b7],
            Some(0x8007_0005),
        );
        check(
            "Disposition: 0x80000001 [HRESULT = 0x80070bc9 - ERROR_FAIL_REBOOT_REQUIRED]",
            &[0x8000_0001, 0x8007_0bc9],
            Some(0x8007_0bc9),
        );
        check("finalized [HRESULT = 0x00000000 - S_OK]", &[], None);
        check(
            "AI failed. HRESULT = HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND)",
            &[],
            Some(0x8007_0002),
        );
        check("HRESULT = 0x8007", &[], None);
        check(
            "Exit code = 0x00000000, Result code = 0x80240439",
            &[0, 0x8024_0439],
            Some(0x8024_0439),
        );
    }

    #[test]
    fn a_named_value_may_be_a_win32_number() {
        assert_eq!(in_fields(r#"{"ErrorCode":"13"}"#), Some(0x8007_000d));
        assert_eq!(
            in_fields(r#"{"errorCode":"-2145124322"}"#),
            Some(0x8024_001e)
        );
        assert_eq!(in_fields(r#"{"ErrorCode":"0"}"#), None);
        assert_eq!(in_fields("not json"), None);
    }
}
