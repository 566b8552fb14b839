//! The same file is the same file in every log.
//!
//! `\\?\C:\$WINDOWS.~BT\NewOS\Windows\WinSxS\amd64_dual_wpdmtp.inf_31bf…_9744…\WpdMtp.dll` in a
//! setup log, `E:\Mount\Windows\WinSxS\…\WpdMtp.dll` in dism.log and `…\inst\…\wpdmtp.dll` in a
//! Procmon trace name one file of one component. What stands before the file's name (drive,
//! `\\?\`, `\SystemRoot\`, `\Device\HarddiskVolume3\`, `%SystemRoot%`, a short folder name as
//! `PROGRA~1`) differs by log and counts for nothing. A registry key is its whole path: `Parameters`
//! alone stands under every service.

/// Returns the last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.trim_end_matches(['\\', '/'])
        .rsplit(['\\', '/'])
        .next()
        .unwrap_or(path)
}

/// Returns the name under which a culprit is compared between devices: lower case, a path reduced
/// to its file, a component to its name, a package to its name; versions, architectures, languages
/// and hashes dropped, because they differ between builds that fail for the same reason; a registry
/// key to its path from the hive on, with dots, because keys of clusters stand in addresses.
pub fn culprit_key(culprit: &str) -> String {
    let lower = culprit.to_lowercase();
    if let Some(key) = registry_key(&lower) {
        return key;
    }
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

/// How the local machine's hive is spelled by the kernel, in exports, by PowerShell and by hand.
const MACHINE: [&str; 5] = [
    r"\registry\machine\",
    r"hkey_local_machine\",
    r"hklm:\",
    r"hklm\",
    r"registry::hkey_local_machine\",
];
/// Keys that logs name without their hive.
const WITHOUT_HIVE: [&str; 3] = [
    r"software\microsoft\",
    r"system\currentcontrolset\",
    r"components\",
];

fn registry_key(lower: &str) -> Option<String> {
    let name = lower.trim().trim_matches(['"', '\'']);
    let beneath = MACHINE
        .iter()
        .find_map(|hive| name.strip_prefix(hive))
        .or_else(|| {
            WITHOUT_HIVE
                .iter()
                .any(|root| name.starts_with(root))
                .then_some(name)
        })?;
    let is_numbered_set = |part: &str| {
        part.strip_prefix("controlset")
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    };
    let parts = beneath
        .split('\\')
        .filter(|part| !part.is_empty())
        .map(|part| {
            if is_numbered_set(part) {
                "currentcontrolset"
            } else {
                reduced(part)
            }
        });
    let path: Vec<&str> = std::iter::once("hklm").chain(parts).collect();
    (path.len() > 1).then(|| path.join("."))
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
    fn what_stands_before_the_name_of_a_file_counts_for_nothing() {
        for path in [
            r"C:\Windows\System32\drivers\rdbss.sys",
            r"c:\windows\SYSTEM32\DRIVERS\RDBSS.SYS",
            r"\\?\C:\Windows\System32\drivers\rdbss.sys",
            r"\??\C:\Windows\System32\drivers\rdbss.sys",
            r"\SystemRoot\System32\drivers\rdbss.sys",
            r"\Device\HarddiskVolume3\Windows\System32\drivers\rdbss.sys",
            r"\\?\GLOBALROOT\Device\HarddiskVolume3\Windows\System32\drivers\rdbss.sys",
            r"%SystemRoot%\system32\drivers\rdbss.sys",
            r"%windir%\system32\drivers\rdbss.sys",
            r"C:\$WINDOWS.~BT\NewOS\Windows\System32\drivers\rdbss.sys",
            r"D:\$Windows.~WS\Sources\rdbss.sys",
            r"C:\PROGRA~1\COMMON~1\rdbss.sys",
            r"C:/Windows/System32/drivers/rdbss.sys",
            r#""C:\Windows\System32\drivers\rdbss.sys""#,
            "rdbss.sys",
        ] {
            assert_eq!(culprit_key(path), "rdbss.sys", "{path}");
        }
        // A short name may stand for several long ones: it is no other file's name.
        assert_eq!(culprit_key(r"C:\Windows\WPDMTP~1.DLL"), "wpdmtp~1.dll");
    }

    #[test]
    fn a_registry_key_is_its_whole_path_in_every_spelling() {
        for key in [
            r"\Registry\Machine\System\CurrentControlSet\Services\EventLog\Parameters",
            r"\REGISTRY\MACHINE\SYSTEM\ControlSet001\Services\EventLog\Parameters",
            r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\EventLog\Parameters",
            r"HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Parameters\",
            r"HKLM:\SYSTEM\CurrentControlSet\Services\EventLog\Parameters",
            r"SYSTEM\CurrentControlSet\Services\EventLog\Parameters",
        ] {
            let expected = "hklm.system.currentcontrolset.services.eventlog.parameters";
            assert_eq!(culprit_key(key), expected, "{key}");
            assert_eq!(culprit_key(expected), expected);
        }
        assert_eq!(culprit_key(r"HKLM\"), "hklm");
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
