//! KB numbers and package identities, wherever they stand in a message.

use memchr::{memchr_iter, memchr2_iter};

/// Returns the first KB number in a text: `KB5041580`, `Package_for_KB5012170~…`,
/// `windows10.0-kb4565349-x64.cab`.
pub(crate) fn kb_article(text: &str) -> Option<u32> {
    let bytes = text.as_bytes();
    memchr2_iter(b'K', b'k', bytes).find_map(|at| {
        let prefix = bytes.get(at..at + 2)?;
        matches!(prefix, b"KB" | b"kb" | b"Kb")
            .then(|| kb_at(bytes, at))
            .flatten()
    })
}

fn kb_at(bytes: &[u8], at: usize) -> Option<u32> {
    let stands_alone = at == 0
        || bytes
            .get(at - 1)
            .is_none_or(|before| !before.is_ascii_alphanumeric());
    let digits = bytes.get(at + 2..)?;
    let length = digits
        .iter()
        .take(8)
        .take_while(|b| b.is_ascii_digit())
        .count();
    if !stands_alone || !(6..=7).contains(&length) {
        return None;
    }
    digits
        .get(..length)?
        .iter()
        .try_fold(0_u32, |number, digit| {
            number.checked_mul(10)?.checked_add(u32::from(digit - b'0'))
        })
}

/// Returns the first package identity: name, public key token, architecture, language and version
/// with `~` between them.
pub(crate) fn package(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    memchr_iter(b'~', bytes).find_map(|tilde| {
        let token = bytes.get(tilde + 1..tilde + 17)?;
        if !token.iter().all(u8::is_ascii_hexdigit) || bytes.get(tilde + 17) != Some(&b'~') {
            return None;
        }
        let start = bytes
            .get(..tilde)?
            .iter()
            .rposition(|b| !is_name(*b))
            .map_or(0, |at| at + 1);
        let rest = bytes.get(tilde + 18..)?;
        let length = rest
            .iter()
            .position(|b| !is_name(*b) && *b != b'~')
            .unwrap_or(rest.len());
        let identity = text.get(start..tilde + 18 + length)?;
        let identity = identity.trim_end_matches(['.', '-', '_']);
        let identity = identity
            .strip_suffix(".mum")
            .or_else(|| identity.strip_suffix(".cat"))
            .unwrap_or(identity);
        (start < tilde).then_some(identity)
    })
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// Returns build and revision of a cumulative update's package:
/// `Package_for_RollupFix~31bf3856ad364e35~amd64~~17763.1999.1.5` is (17763, 1999).
pub(crate) fn rollup_build(package: &str) -> Option<(u32, u32)> {
    let is_rollup = package
        .get(..20)
        .is_some_and(|start| start.eq_ignore_ascii_case("Package_for_RollupFi"));
    let version = package.rsplit('~').next()?;
    let mut parts = version.split('.').map(str::parse::<u32>);
    let (build, revision) = (parts.next()?.ok()?, parts.next()?.ok()?);
    (is_rollup && build > 5_000).then_some((build, revision))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kb_numbers_are_found_in_every_form() {
        for (text, kb) in [
            ("Identifier: KB5003171 [HRESULT", Some(5_003_171)),
            (
                "Package_for_KB976002~31bf3856ad364e35~amd64~~6.1.1.0",
                Some(976_002),
            ),
            (r"D:\patch\windows10.0-kb4565349-x64.msu", Some(4_565_349)),
            ("(KB5041580) and KB5014032", Some(5_041_580)),
            ("4711 kb/s, 12KB500000x, KB12345, KB12345678", None),
            ("XKB5041580", None),
            ("KB", None),
        ] {
            assert_eq!(kb_article(text), kb, "{text}");
        }
    }

    #[test]
    fn package_identities_are_cut_out_whole() {
        assert_eq!(
            package(
                "Package: Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.4780.1.7, Identifier: KB1"
            ),
            Some("Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.4780.1.7")
        );
        assert_eq!(
            package(
                r"\\?\C:\Windows\servicing\Packages\A-B-Package~31bf3856ad364e35~amd64~zh-CN~10.0.19041.1.mum [H"
            ),
            Some("A-B-Package~31bf3856ad364e35~amd64~zh-CN~10.0.19041.1")
        );
        assert_eq!(
            package("because of package: P~31bf3856ad364e35~amd64~~6.3.1.4. [HRESULT"),
            Some("P~31bf3856ad364e35~amd64~~6.3.1.4")
        );
        assert_eq!(package(r"C:\$WINDOWS.~BT\NewOS ~31bf3856ad364e35~"), None);
    }

    #[test]
    fn a_rollup_carries_its_build() {
        assert_eq!(
            rollup_build("Package_for_RollupFix~31bf3856ad364e35~amd64~~17763.1999.1.5"),
            Some((17_763, 1_999))
        );
        assert_eq!(
            rollup_build("Package_for_KB5012170~31bf3856ad364e35~amd64~~14393.5285.1.4"),
            None
        );
        assert_eq!(rollup_build(""), None);
    }
}
