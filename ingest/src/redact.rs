//! Takes names of people and addresses out of what leaves the device.
//!
//! Each is replaced by its class and a salted hash (`user:3f2a91c0`), so that equal names stay
//! equal across devices that share the salt, and nothing can be read back. One automaton finds all
//! candidates in a single scan; text without any is returned as it came. Codes, KB numbers,
//! versions (`10.0.17763.2090`), components, registry and system paths stay as they are.

mod candidate;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;

use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What is taken out, and under which salt.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redaction {
    /// User names: in profile paths, behind a domain, and names known for this device.
    pub user_names: bool,
    /// Security identifiers of accounts, `S-1-5-21-…`.
    pub sids: bool,
    /// E-mail addresses.
    pub email_addresses: bool,
    /// IPv4 and IPv6 addresses.
    pub ip_addresses: bool,
    /// Secret that the hashes depend on; the same for all collectors of a fleet.
    #[serde(skip_serializing)]
    pub salt: String,
}

impl Default for Redaction {
    fn default() -> Self {
        Self { user_names: true, sids: true, email_addresses: true, ip_addresses: true, salt: String::new() }
    }
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { user_names, sids, email_addresses, ip_addresses, salt: _ } = self;
        f.debug_struct("Redaction")
            .field("user_names", user_names)
            .field("sids", sids)
            .field("email_addresses", email_addresses)
            .field("ip_addresses", ip_addresses)
            .finish_non_exhaustive()
    }
}

impl Redaction {
    /// Takes nothing out: for work on the device itself, where nothing leaves it.
    pub fn none() -> Self {
        Self { user_names: false, sids: false, email_addresses: false, ip_addresses: false, salt: String::new() }
    }

    fn is_none(&self) -> bool {
        !(self.user_names || self.sids || self.email_addresses || self.ip_addresses)
    }
}

/// Names that are known for one device before its logs are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownNames {
    /// User names, taken out wherever they stand as a word.
    pub users: BTreeSet<String>,
    /// Domains and computer names: what stands behind one and a backslash is a user.
    pub domains: BTreeSet<String>,
}

/// Takes names out of texts of one device.
pub struct Redactor {
    options: Redaction,
    known: KnownNames,
    candidates: Option<Regex>,
    key: [u8; 32],
}

/// Shortest known user name that is taken out where it stands alone.
const KNOWN_USER_CHARS_MIN: usize = 3;

impl Redactor {
    /// Prepares the automaton.
    ///
    /// # Errors
    /// When the known names make it too large.
    pub fn new(options: Redaction, known: KnownNames) -> Result<Self> {
        let candidates = if options.is_none() { None } else { Some(candidate::automaton(&options, &known).map_err(|source| Error::Redaction { source: Box::new(source) })?) };
        let key = *blake3::hash(options.salt.as_bytes()).as_bytes();
        Ok(Self { options, known, candidates, key })
    }

    /// Replaces what is to be taken out of a text.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(candidates) = &self.candidates else { return Cow::Borrowed(text) };
        let mut out = String::new();
        let mut copied = 0;
        for captures in candidates.captures_iter(text) {
            if let Some((range, class)) = self.judge(&captures, text) {
                out.push_str(text.get(copied..range.start).unwrap_or_default());
                out.push_str(&self.token(class, text.get(range.clone()).unwrap_or_default()));
                copied = range.end;
            }
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// Replaces in a named value; some names say that the whole value is a user.
    pub fn field<'a>(&self, name: &str, value: &'a str) -> Cow<'a, str> {
        if self.options.user_names && candidate::names_a_user(name) && candidate::is_person(value) {
            return Cow::Owned(self.token("user", value));
        }
        if name.to_ascii_lowercase().contains("version") {
            return Cow::Borrowed(value);
        }
        self.text(value)
    }

    /// Decides about one candidate: which part of the text goes, and as what.
    fn judge(&self, captures: &Captures<'_>, text: &str) -> Option<(std::ops::Range<usize>, &'static str)> {
        let group = |name| captures.name(name).map(|found| found.range());
        if let Some(range) = group("profile").or_else(|| group("bare_profile")) {
            return candidate::is_person(text.get(range.clone())?).then_some((range, "user"));
        }
        if let Some(range) = group("sid") {
            return Some((range, "sid"));
        }
        if let Some(range) = group("email") {
            return Some((range, "email"));
        }
        if let Some(user) = group("user") {
            let domain = text.get(group("domain")?)?;
            let known = self.known.domains.iter().any(|name| name.eq_ignore_ascii_case(domain));
            let range = group("domain")?;
            return (candidate::is_account(text, range.clone(), user.clone(), known)).then_some((if known { user } else { range.start..user.end }, "user"));
        }
        if let Some(range) = group("ipv4") {
            return candidate::is_ipv4(text, range.clone()).then_some((range, "ip"));
        }
        if let Some(range) = group("ipv6") {
            return candidate::is_ipv6(text.get(range.clone())?).then_some((range, "ip"));
        }
        group("known").map(|range| (range, "user"))
    }

    fn token(&self, class: &str, value: &str) -> String {
        // Names and addresses are equal whatever their case.
        let hash = blake3::keyed_hash(&self.key, value.trim().to_lowercase().as_bytes());
        let hex: String = hash.to_hex().chars().take(8).collect();
        format!("{class}:{hex}")
    }
}
