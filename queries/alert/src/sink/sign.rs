//! Signatures, so that a receiver knows who sent a message, and when.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA256 of `<timestamp>.<body>`, in hexadecimal digits. The time is part of what is signed: a message that
/// is replayed later shows its age.
pub fn signature(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let digest = mac(secret, &[timestamp.to_string().as_bytes(), b".", body]);
    hex::encode(digest)
}

/// What DingTalk's robots want in the query string: HMAC-SHA256 of `<milliseconds>\n<secret>`, in Base64.
pub(crate) fn dingtalk(secret: &str, milliseconds: i64) -> String {
    BASE64_STANDARD.encode(mac(
        secret,
        &[format!("{milliseconds}\n{secret}").as_bytes()],
    ))
}

fn mac(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return Vec::new();
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_standard() {
        // RFC 4231, test case 2, whose message happens to have no dot: the parts are joined as they come.
        let digest = mac("Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(
            hex::encode(digest),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_ne!(signature("k", 1, b"body"), signature("k", 2, b"body"));
        assert_eq!(signature("k", 1, b"body").len(), 64);
    }
}
