//! The same file is the same file in every log.
//!
//! `\\?\C:\$WINDOWS.~BT\NewOS\Windows\WinSxS\amd64_dual_wpdmtp.inf_31bf…_9744…\WpdMtp.dll` in a
//! setup log, `E:\Mount\Windows\WinSxS\…\WpdMtp.dll` in dism.log and `…\inst\…\wpdmtp.dll` in a
//! Procmon trace name one file of one component.

/// Returns the last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.trim_end_matches(['\\', '/'])
        .rsplit(['\\', '/'])
        .next()
        .unwrap_or(path)
}

/// Returns the name under which a culprit is compared between devices: lower case, a path reduced
/// to its file, a component to its name, a package to its name; versions, architectures, languages
/// and hashes dropped, because they differ between builds that fail for the same reason.
pub fn culprit_key(culprit: &str) -> String {
    let lower = culprit.to_lowercase();
    let mut name = lower.as_str();
    // Each step takes something away, so that this ends; and a key is its own key.
    loop {
        let shorter = reduced(name);
        if shorter.len() == name.len() || shorter.is_empty() {
            return name.to_owned();
        }
        name = shorter;
    }
}

/// Takes one wrapping off a name.
fn reduced(text: &str) -> &str {
    let name = file_name(text.trim().trim_matches(['"', '\'']));
    let name = name
        .strip_suffix(".mum")
        .or_else(|| name.strip_suffix(".manifest"))
        .unwrap_or(name);
    if let Some((package, token)) = name.split_once('~')
        && token.len() >= 16
    {
        return package;
    }
    match component_parts(name) {
        Some((component, "")) => component,
        Some((_, file)) => file,
        None => name,
    }
}

/// Splits `amd64_name_31bf3856ad364e35_10.0.17763.1_none_9744e57515d245dc` plus an optional file
/// name that follows, into name and file.
fn component_parts(text: &str) -> Option<(&str, &str)> {
    let (architecture, rest) = text.split_once('_')?;
    if !matches!(
        architecture,
        "amd64" | "x86" | "wow64" | "msil" | "arm64" | "arm"
    ) {
        return None;
    }
    let is_token = |part: &str| part.len() == 16 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let mut at = 0_usize;
    for part in rest.split('_') {
        if is_token(part) {
            let name = rest.get(..at.checked_sub(1)?)?;
            let after = rest.get(at + 17..)?;
            // version _ language _ hash, then perhaps a file.
            let hash_at = after.match_indices('_').nth(1)?.0 + 1;
            let file = after.get(hash_at + 16..).unwrap_or_default();
            return Some((name, file.trim_start_matches(['\\', '/'])));
        }
        at += part.len() + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_has_one_key_in_all_logs() {
        for path in [
            r"C:\$WINDOWS.~BT\NewOS\Windows\WinSxS\amd64_dual_wpdmtp.inf_31bf3856ad364e35_10.0.17763.1_none_9744e57515d245dc\WpdMtp.dll",
            r"\\?\E:\Mount\Windows\WinSxS\amd64_dual_wpdmtp.inf_31bf3856ad364e35_10.0.17763.1_none_9744e57515d245dc\WpdMtp.dll",
            r"C:\Windows\SoftwareDistribution\Download\a59b\inst\amd64_dual_wpdmtp.inf_31bf3856ad364e35_10.0.17134.1550_none_60dd26735f1c0f7d\wpdmtp.dll",
            "x86_dual_wpdmtp.inf_31bf3856ad364e35_10.0.17763.1_none_9744e57515d245dcWpdMtp.dll",
        ] {
            assert_eq!(culprit_key(path), "wpdmtp.dll");
        }
    }

    #[test]
    fn components_and_packages_lose_version_and_architecture() {
        assert_eq!(
            culprit_key(
                "amd64_windows-id-connecte..nt-provider-wlidfdp_31bf3856ad364e35_10.0.17763.1697_none_f17c692b894fca9f"
            ),
            "windows-id-connecte..nt-provider-wlidfdp"
        );
        assert_eq!(
            culprit_key(
                "Microsoft-Windows-Printing-PMCPPC-FoD-Package~31bf3856ad364e35~amd64~zh-CN~10.0.19041.1"
            ),
            "microsoft-windows-printing-pmcppc-fod-package"
        );
        assert_eq!(culprit_key("KB5005112"), "kb5005112");
        assert_eq!(culprit_key("amd64_no_token"), "amd64_no_token");
        assert_eq!(culprit_key("C:"), "c:");
    }
}
