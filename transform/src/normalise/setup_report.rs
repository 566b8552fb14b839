//! The error report that Windows Setup leaves in the Application log (event 1001, `WinSetupDiag02`):
//! ten parameters, of which the fourth is the result, the fifth the code and the sixth the extend code.

use patchlens_event::Hresult;

use crate::knowledge::FieldValues;

const NAME: &str = "WinSetupDiag02";

/// Result and extend code of a setup that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SetupReport {
    pub(crate) code: u32,
    pub(crate) extend_code: Option<u32>,
}

/// Reads the report out of an event's named values or, where they have no names, by their order.
/// `None` for other reports, and for a setup that went well or was cancelled.
pub(crate) fn setup_report(message: &str, fields: &str) -> Option<SetupReport> {
    memchr::memmem::find(message.as_bytes(), NAME.as_bytes())?;
    let values = FieldValues::parse(fields);
    let first = (1..=20).find(|index| values.get(&format!("param{index}")) == Some(NAME));
    let parameter = |number: usize| {
        let in_order = || {
            // Between the name and the parameters stand the response and the cabinet's id.
            first.and_then(|first| values.get(&format!("param{}", first + 2 + number)))
        };
        values
            .get(&format!("P{number}"))
            .or_else(in_order)
            .or_else(|| in_text(message, number))
            .map(str::trim)
    };
    if parameter(4).is_some_and(|result| result == "0") {
        return None;
    }
    let code = hexadecimal(parameter(5)?)?;
    Hresult(code).is_failure().then(|| SetupReport {
        code,
        extend_code: parameter(6)
            .and_then(hexadecimal)
            .filter(|extend| *extend > 0xFFFF),
    })
}

/// `P5: 800704C7`, as the message of the event has it in every language.
fn in_text(message: &str, number: usize) -> Option<&str> {
    let (_, after) = message.split_once(&format!("P{number}: "))?;
    after.lines().next()
}

fn hexadecimal(text: &str) -> Option<u32> {
    let digits = text.trim_start_matches("0x").trim_start_matches("0X");
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_extend_code_are_read_by_name_by_order_and_from_the_text() {
        let expected = Some(SetupReport {
            code: 0x8007_042B,
            extend_code: Some(0x4_000D),
        });
        let by_name =
            r#"{"EventName":"WinSetupDiag02","P4":"1","P5":"8007042B","P6":"4000D","P7":"19041"}"#;
        let by_order = r#"{"param1":"","param2":"0","param3":"WinSetupDiag02","param4":"n/a","param5":"0","param6":"5","param7":"8","param8":"9","param9":"1","param10":"8007042B","param11":"4000D"}"#;
        assert_eq!(setup_report("WER:1001 WinSetupDiag02", by_name), expected);
        assert_eq!(setup_report("WER:1001 WinSetupDiag02", by_order), expected);
        let text = "Ereignisname: WinSetupDiag02\nP4: 1\nP5: 0x8007042b\nP6: 0x4000D\n";
        assert_eq!(setup_report(text, "{}"), expected);
        assert_eq!(
            setup_report("WinSetupDiag02", r#"{"P4":"0","P5":"0","P6":"0"}"#),
            None
        );
        assert_eq!(setup_report("APPCRASH", by_name), None);
    }
}
