//! Files that are no log, by how they begin: what they are, and what to do instead.

/// What a file is that nothing here reads, for a person; `None` where it is worth a look by the
/// parsers. An archive that is not packed must not be taken for the log that lies first in it.
pub(crate) fn foreign(head: &[u8], file_name: &str) -> Option<&'static str> {
    const BEGINNINGS: &[(&[u8], &str)] = &[
        (
            b"7z\xbc\xaf\x27\x1c",
            "a 7-Zip archive, which is not read: unpack it and hand in the folder, or pack it as .zip or .tar.gz",
        ),
        (
            b"Rar!\x1a\x07",
            "a RAR archive, which is not read: unpack it and hand in the folder, or pack it as .zip or .tar.gz",
        ),
        (
            b"\x1f\x8b\x08",
            "compressed with gzip, which is read whole and not followed: hand it in with `collect`",
        ),
        (
            b"\xfd7zXZ\0",
            "compressed with xz, which is not read: unpack it and hand in the folder, or pack it as .zip or .tar.gz",
        ),
        (
            b"BZh",
            "compressed with bzip2, which is not read: unpack it and hand in the folder, or pack it as .zip or .tar.gz",
        ),
        (
            b"\x28\xb5\x2f\xfd",
            "compressed with zstd, which is not read: unpack it and hand in the folder, or pack it as .zip or .tar.gz",
        ),
        (
            b"PK\x07\x08",
            "a part of a split .zip: join the parts, or pack it in one piece",
        ),
        (
            b"MSWIM\0\0\0",
            "a Windows image: take the logs out of it (Windows\\Logs, Windows\\Panther)",
        ),
        (
            b"MZ",
            "a program; a self-extracting archive has to be unpacked",
        ),
        (b"MDMP", "a memory dump of a program, which is not read"),
        (b"PAGE", "a memory dump of Windows, which is not read"),
        (
            b"\0\x05\x16\x07",
            "macOS's own notes about a file: nothing of the device is in it",
        ),
        (
            b"\0\0\0\x01Bud1",
            "macOS's own notes about a folder: nothing of the device is in it",
        ),
    ];
    const TRACE: &str = "a raw trace, which only the device can decode: hand in what Get-WindowsUpdateLog makes of it";
    const TAR: &str =
        "a tar archive, which is read whole and not followed: hand it in with `collect`";
    let known = BEGINNINGS.iter().find(|(magic, _)| head.starts_with(magic));
    // Dumps of Windows go on with DUMP or DU64, and a log may well begin with PAGE.
    let known = known.filter(|(magic, _)| {
        *magic != b"PAGE" || matches!(head.get(4..8), Some(b"DUMP" | b"DU64"))
    });
    // A log may begin with any letters; these files do not go on like one.
    let is_binary = head.iter().take(64).any(|byte| matches!(byte, 0..=8));
    let is_tar =
        head.get(257..262) == Some(b"ustar") && head.iter().take(257).any(|byte| *byte == 0);
    let extension = file_name.rsplit_once('.').map(|(_, extension)| extension);
    match known {
        Some((_, what)) if is_binary => Some(what),
        _ if is_tar => Some(TAR),
        _ if is_binary && extension.is_some_and(|name| name.eq_ignore_ascii_case("etl")) => {
            Some(TRACE)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_is_named_and_a_log_is_not_mistaken_for_it() {
        let told = |head: &[u8], name: &str| foreign(head, name).unwrap_or_default();
        assert!(told(b"7z\xbc\xaf\x27\x1c\0\x04 ", "x").contains("7-Zip"));
        assert!(told(b"\x1f\x8b\x08\x00\0\0\0\0", "CBS.log.gz").contains("gzip"));
        assert!(told(b"\x00\x00\x10\0\0\0", "WindowsUpdate.001.ETL").contains("trace"));
        let mut tar = b"w/CBS.log".to_vec();
        tar.resize(257, 0);
        tar.extend_from_slice(b"ustar\x0000");
        tar.resize(512, 0);
        tar.extend_from_slice(b"2024-08-20 10:02:41, Error                 CBS    x");
        assert!(told(&tar, "x").contains("tar"));
        for log in [
            b"MZ is how this line begins, as PAGE and BZh do".as_slice(),
            b"PAGE\x01",
            b"\xff\xfe2\x000\x002\x004\x00",
            b"",
        ] {
            assert_eq!(foreign(log, "CBS.log"), None, "{log:?}");
        }
    }
}
