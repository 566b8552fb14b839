//! Reads constants out of the generated source text of the crate `windows`.

/// One named error code.
#[derive(Debug, PartialEq, Eq)]
pub struct Constant {
    pub symbol: String,
    pub code: u32,
}

/// Finds the constants that are error codes: HRESULTs, Win32 errors (as HRESULTs), NTSTATUS values
/// that report an error or a warning, BITS and Internet errors, and errors of the database engine.
pub fn read(text: &str) -> Vec<Constant> {
    text.lines().filter_map(constant).collect()
}

/// `pub const NAME: TYPE = TYPE(VALUE);` or `pub const NAME: i32 = VALUE;`
fn constant(line: &str) -> Option<Constant> {
    let (name, rest) = line.trim().strip_prefix("pub const ")?.split_once(": ")?;
    let (kind, value) = rest.strip_suffix(';')?.split_once(" = ")?;
    let number = number(value)?;
    let code = match kind.rsplit("::").next().unwrap_or(kind) {
        "HRESULT" if number & 0x8000_0000 != 0 || name.starts_with("WU_S_") => number,
        "NTSTATUS" if number & 0x8000_0000 != 0 => number,
        "WIN32_ERROR" if (1..=0xFFFF).contains(&number) => from_win32(number),
        "i32" if name.starts_with("BG_E_") => number,
        "i32" if name.starts_with("JET_err") => database_error(number)?,
        "u32" if is_internet(name) && (12_000..13_000).contains(&number) => from_win32(number),
        _ => return None,
    };
    Some(Constant {
        symbol: name.to_owned(),
        code,
    })
}

fn is_internet(name: &str) -> bool {
    ["ERROR_INTERNET_", "ERROR_HTTP_", "ERROR_WINHTTP_"]
        .iter()
        .any(|start| name.starts_with(start))
}

fn from_win32(number: u32) -> u32 {
    0x8007_0000 | number
}

/// The update client reports `JET_err` values, which are negative, as `0xc8000000` and their size.
fn database_error(number: u32) -> Option<u32> {
    let size = number.wrapping_neg();
    (1..=0xFFFF).contains(&size).then_some(0xC800_0000 | size)
}

/// Reads `0x80240439_u32 as _`, `5u32`, `-2145386495i32`, with a type around it.
fn number(value: &str) -> Option<u32> {
    let inner = value.rsplit('(').next()?.trim_end_matches(')');
    let digits = inner.split(['_', ' ', 'u', 'i']).next()?;
    if let Some(hexadecimal) = digits.strip_prefix("0x") {
        return u32::from_str_radix(hexadecimal, 16).ok();
    }
    match digits.strip_prefix('-') {
        Some(magnitude) => magnitude.parse::<u32>().ok().map(u32::wrapping_neg),
        None => digits.parse().ok(),
    }
}

/// The family of a code: by its facility, and by its name where facilities are shared.
pub fn family(code: u32, symbol: &str) -> &'static str {
    match code >> 16 {
        0x8024 | 0x0024 => "wu",
        0x8020 => "bits",
        0x8019 => "http",
        0x80D0 => "do",
        0x800F => "spapi",
        0xC800 => "ese",
        0x8007 => match code & 0xFFFF {
            12_000..=12_999 => "http",
            14_000..=14_120 => "sxs",
            15_600..=15_750 => "appx",
            _ => "win32",
        },
        0x8004 | 0x8000 | 0x8001 if !symbol.starts_with("STATUS_") => "com",
        0x8009 | 0x800B => "trust",
        _ if symbol.starts_with("STATUS_")
            || symbol.starts_with("RPC_NT_")
            || symbol.starts_with("DBG_") =>
        {
            "nt"
        }
        _ => "hresult",
    }
}

/// Where the codes of a family are documented.
pub fn documented_in(family: &str) -> &'static str {
    match family {
        "wu" => {
            "https://learn.microsoft.com/windows/deployment/update/windows-update-error-reference"
        }
        "bits" | "http" => "https://learn.microsoft.com/windows/win32/bits/bits-return-values",
        "ese" => {
            "https://learn.microsoft.com/windows/win32/extensible-storage-engine/extensible-storage-engine-error-codes"
        }
        "win32" | "sxs" => "https://learn.microsoft.com/windows/win32/debug/system-error-codes",
        "appx" => "https://learn.microsoft.com/windows/win32/appxpkg/troubleshooting",
        "nt" => {
            "https://learn.microsoft.com/openspecs/windows_protocols/ms-erref/596a1078-e883-4972-9bbc-49e60bebca55"
        }
        _ => {
            "https://learn.microsoft.com/openspecs/windows_protocols/ms-erref/0642cb2f-2075-4469-918c-4441e69c548a"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_constant_is_read() {
        for (line, code) in [
            (
                "pub const WU_E_PT_INVALID_FORMAT: windows_core::HRESULT = windows_core::HRESULT(0x80240439_u32 as _);",
                0x8024_0439,
            ),
            (
                "pub const ERROR_ACCESS_DENIED: WIN32_ERROR = WIN32_ERROR(5u32);",
                0x8007_0005,
            ),
            (
                "pub const STATUS_ACCESS_DENIED: NTSTATUS = NTSTATUS(0xC0000022_u32 as _);",
                0xC000_0022,
            ),
            (
                "pub const BG_E_NOT_FOUND: i32 = -2145386495i32;",
                0x8020_0001,
            ),
            ("pub const JET_errLogWriteFail: i32 = -510i32;", 0xC800_01FE),
            (
                "pub const ERROR_INTERNET_TIMEOUT: u32 = 12002u32;",
                0x8007_2EE2,
            ),
        ] {
            assert_eq!(
                constant(line).map(|constant| constant.code),
                Some(code),
                "{line}"
            );
        }
        assert_eq!(
            constant("pub const STATUS_SUCCESS: NTSTATUS = NTSTATUS(0x0_u32 as _);"),
            None
        );
        assert_eq!(constant("pub const MAX_PATH: u32 = 260u32;"), None);
    }
}
