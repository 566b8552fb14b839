//! Which failures are the same: the key that devices of one cluster share.

use patchlens_event::Hresult;

use crate::normalise::culprit_key;

/// The version of the key; it changes when the same failure gets another key.
const VERSION: &str = "v1";

/// Returns the key of a diagnosis: cause and culprit; where no culprit is named, cause, root code
/// and phase. Codes do not count where a culprit is named, because one culprit fails in many ways.
pub fn cluster_key(cause: &str, culprit: &str, root_code: Option<u32>, phase: &str) -> String {
    if culprit.is_empty() {
        let code = root_code.map_or_else(|| "no-code".to_owned(), |code| Hresult(code).to_string());
        let phase = if phase.is_empty() { "no-phase" } else { phase };
        return format!("{VERSION}:{cause}:{code}:{phase}");
    }
    format!("{VERSION}:{cause}:{}", culprit_key(culprit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_culprit_makes_the_key_and_the_code_only_where_there_is_none() {
        let by_file = |culprit| {
            cluster_key(
                "third-party-access-block",
                culprit,
                Some(0x8007_0005),
                "install",
            )
        };
        assert_eq!(
            by_file(r"E:\Mount\Windows\WinSxS\x\WpdMtp.dll"),
            "v1:third-party-access-block:wpdmtp.dll"
        );
        assert_eq!(by_file(r"C:\a\wpdmtp.DLL"), by_file("WPDMTP.dll"));
        assert_eq!(
            cluster_key("unknown", "", Some(0x8007_000d), "install"),
            "v1:unknown:0x8007000d:install"
        );
        assert_eq!(
            cluster_key("unknown", "", None, ""),
            "v1:unknown:no-code:no-phase"
        );
    }
}
