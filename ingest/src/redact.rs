//! Takes names of people and addresses out of what leaves the device.
//!
//! Each is replaced by its class and a salted hash (`user:3f2a91c0`), so that equal names stay
//! equal across devices that share the salt, and nothing can be read back. One automaton finds the
//! candidates of all classes in a single scan; text without any is returned as it came. Codes, KB numbers,
//! versions (`10.0.17763.2090`), components, registry and system paths stay as they are.

mod candidate;
mod hint;
mod learned;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::AhoCorasick;
use patchlens_event::{EventId, IdentityKey};
use regex::Captures;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};
pub(crate) use learned::{Learned, owners_in};

/// What is taken out, and under which salt.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one switch per class of names, as in the configuration"
)]
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
        Self {
            user_names: true,
            sids: true,
            email_addresses: true,
            ip_addresses: true,
            salt: String::new(),
        }
    }
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            user_names,
            sids,
            email_addresses,
            ip_addresses,
            salt: _,
        } = self;
        f.debug_struct("Redaction")
            .field("user_names", user_names)
            .field("sids", sids)
            .field("email_addresses", email_addresses)
            .field("ip_addresses", ip_addresses)
            .finish_non_exhaustive()
    }
}

impl KnownNames {
    /// How many names of one device are kept: bounds the automaton that finds them.
    pub(crate) const USERS_MAX: usize = 4_096;

    /// Adds names of users.
    pub(crate) fn add_users<'n>(&mut self, names: impl IntoIterator<Item = &'n String>) {
        for name in names {
            if self.users.len() < Self::USERS_MAX && !self.users.contains(name) {
                self.users.insert(name.clone());
            }
        }
    }

    /// Adds a domain as DNS spells it (`corp.example`) and as accounts do (`corp`).
    pub(crate) fn add_domain(&mut self, domain: &str) {
        let short = domain.split('.').next().unwrap_or_default();
        for name in [domain, short] {
            if candidate::is_domain(name) {
                self.domains.insert(name.to_owned());
            }
        }
    }
}

impl Redaction {
    /// Takes nothing out: for work on the device itself, where nothing leaves it.
    pub fn none() -> Self {
        Self {
            user_names: false,
            sids: false,
            email_addresses: false,
            ip_addresses: false,
            salt: String::new(),
        }
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
    known_users: Option<AhoCorasick>,
    key: [u8; 32],
    identity_key: IdentityKey,
}

/// Shortest known user name that is taken out where it stands alone.
const KNOWN_USER_CHARS_MIN: usize = 3;

impl Redactor {
    /// Prepares for one device.
    ///
    /// # Errors
    /// When the known names make the automaton too large.
    pub fn new(options: Redaction, known: KnownNames) -> Result<Self> {
        let known_users = if options.user_names {
            let users = known.users.iter().map(String::as_str);
            candidate::finder(users).map_err(|source| Error::Redaction {
                source: Box::new(source),
            })?
        } else {
            None
        };
        let key = *blake3::hash(options.salt.as_bytes()).as_bytes();
        let identity_key = IdentityKey::of_salt(&options.salt);
        Ok(Self {
            options,
            known,
            known_users,
            key,
            identity_key,
        })
    }

    /// What ids of unredacted text are keyed with.
    pub(crate) fn identity_key(&self) -> &IdentityKey {
        &self.identity_key
    }

    /// An id of parts that may hold names.
    pub fn id_of(&self, parts: &[&[u8]]) -> EventId {
        EventId::from_secret_parts(&self.identity_key, parts)
    }

    /// False when names of users may stay.
    pub(crate) fn takes_user_names(&self) -> bool {
        self.options.user_names
    }

    /// Knows more names from now on; says whether any is new.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub(crate) fn know(&mut self, names: &BTreeSet<String>) -> Result<bool> {
        if names.is_subset(&self.known.users) {
            return Ok(false);
        }
        let mut known = self.known.clone();
        known.add_users(names);
        *self = Self::new(self.options.clone(), known)?;
        Ok(true)
    }

    /// Replaces the names that a file told of, in a text from which everything else was taken.
    pub(crate) fn without_learned<'a>(
        &self,
        text: Cow<'a, str>,
        learned: &Learned,
    ) -> Cow<'a, str> {
        let Some(finder) = learned.finder().filter(|_| self.options.user_names) else {
            return text;
        };
        match text {
            Cow::Borrowed(text) => self.words(text, finder),
            Cow::Owned(text) => Cow::Owned(self.words(&text, finder).into_owned()),
        }
    }

    /// Replaces what is to be taken out of a text.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.options.is_none() {
            return Cow::Borrowed(text);
        }
        match self.by_shape(text) {
            Cow::Borrowed(text) => self.known_names(text),
            Cow::Owned(text) => Cow::Owned(self.known_names(&text).into_owned()),
        }
    }

    /// Replaces `jroe` in `jroe@CONTOSO`, which has not the shape of an address.
    fn at_domains<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut places = memchr::memchr_iter(b'@', text.as_bytes()).peekable();
        if places.peek().is_none() || !self.options.user_names {
            return Cow::Borrowed(text);
        }
        let is_known = |domain: &str| self.knows_domain(domain);
        let found = places.filter_map(|at| candidate::at_domain(text, at, &is_known));
        self.replace(text, found.map(|range| (range, "user")))
    }

    fn knows_domain(&self, domain: &str) -> bool {
        let domains = &self.known.domains;
        domains.iter().any(|name| name.eq_ignore_ascii_case(domain))
    }

    /// Replaces in the text of a record: besides what [`Self::text`] finds, the values of its fields
    /// that name a user, which the text repeats.
    pub fn record_text<'a>(&self, text: &'a str, fields: &[(String, String)]) -> Cow<'a, str> {
        let mut out = Cow::Borrowed(text);
        if self.options.user_names {
            for (name, value) in fields {
                let value = value.trim();
                let is_name = value.chars().count() >= KNOWN_USER_CHARS_MIN
                    && candidate::names_a_user(name)
                    && candidate::is_person(value);
                if is_name && out.contains(value) {
                    out = Cow::Owned(self.without(&out, value));
                }
            }
        }
        match out {
            Cow::Borrowed(text) => self.text(text),
            Cow::Owned(text) => Cow::Owned(self.text(&text).into_owned()),
        }
    }

    /// Replaces a name wherever it stands as a word.
    fn without(&self, text: &str, name: &str) -> String {
        let found = text
            .match_indices(name)
            .map(|(at, name)| at..at + name.len())
            .filter(|range| candidate::is_word(text, range));
        self.replace(text, found.map(|range| (range, "user")))
            .into_owned()
    }

    /// Replaces what has the shape of a name or address.
    fn by_shape<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if hint::may_hold_names(text) {
            self.searched(text)
        } else {
            Cow::Borrowed(text)
        }
    }

    /// Searches for what has the shape of a name or address.
    fn searched<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(automaton) = candidate::AUTOMATON.as_ref() else {
            return Cow::Borrowed(text);
        };
        let mut from = 0;
        let found = std::iter::from_fn(|| {
            loop {
                let captures = automaton.captures_at(text, from)?;
                from = captures.get(0)?.end();
                if let Some(found) = self.judge(&captures, text) {
                    return Some(found);
                }
                // What is no account may hold what is a name: `HKEY_USERS\S-1-5-21-…`, `x\Users\jroe`.
                if let (Some(domain), Some(user)) = (captures.name("domain"), captures.name("user"))
                    && candidate::may_hold_a_name(user.as_str())
                {
                    from = domain.end();
                }
            }
        });
        self.replace(text, found)
    }

    /// Replaces names that are known for this device, wherever they stand as a word.
    fn known_names<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let text = match self.at_domains(text) {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => {
                return Cow::Owned(match &self.known_users {
                    Some(known_users) => self.words(&text, known_users).into_owned(),
                    None => text,
                });
            }
        };
        match &self.known_users {
            Some(known_users) => self.words(text, known_users),
            None => Cow::Borrowed(text),
        }
    }

    /// Replaces names wherever they stand as a word.
    fn words<'a>(&self, text: &'a str, names: &AhoCorasick) -> Cow<'a, str> {
        let found = names
            .find_iter(text)
            .map(|found| found.range())
            .filter(|range| candidate::is_word(text, range));
        self.replace(text, found.map(|range| (range, "user")))
    }

    /// Replaces ranges that stand in order.
    fn replace<'a>(
        &self,
        text: &'a str,
        found: impl Iterator<Item = (Range<usize>, &'static str)>,
    ) -> Cow<'a, str> {
        let mut out = String::new();
        let mut copied = 0;
        for (range, class) in found {
            out.push_str(text.get(copied..range.start).unwrap_or_default());
            out.push_str(&self.token(class, text.get(range.clone()).unwrap_or_default()));
            copied = range.end;
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
        if candidate::value_name(name)
            .to_ascii_lowercase()
            .contains("version")
        {
            return Cow::Borrowed(value);
        }
        self.text(value)
    }

    /// Decides about one candidate: which part of the text goes, and as what.
    fn judge(&self, captures: &Captures<'_>, text: &str) -> Option<(Range<usize>, &'static str)> {
        let group = |name| captures.name(name).map(|found| found.range());
        let options = &self.options;
        // What stands for a name already.
        let is_token = |range: &Range<usize>| {
            text.get(range.clone()) == Some("user")
                && text
                    .get(range.end..)
                    .is_some_and(|rest| rest.starts_with(':'))
        };
        let bare = || group("bare_profile").map(|first| candidate::whole_name(text, first));
        let profile = group("profile").or_else(|| group("quoted_profile"));
        if let Some(range) = profile.or_else(bare) {
            return (options.user_names
                && !is_token(&range)
                && candidate::is_person(text.get(range.clone())?))
            .then_some((range, "user"));
        }
        if let Some(range) = group("sid") {
            return options.sids.then_some((range, "sid"));
        }
        if let Some(range) = group("email") {
            return options
                .email_addresses
                .then(|| (candidate::email_start(text, range), "email"));
        }
        if let Some(range) = group("ipv4") {
            return (options.ip_addresses && candidate::is_ipv4(text, range.clone()))
                .then_some((range, "ip"));
        }
        if let Some(range) = group("ipv6") {
            return (options.ip_addresses && candidate::is_ipv6(text.get(range.clone())?))
                .then_some((range, "ip"));
        }
        if let Some(range) = group("named") {
            return (options.user_names
                && !is_token(&range)
                && candidate::is_name(text.get(range.clone())?))
            .then_some((range, "user"));
        }
        if let Some(range) = group("common_name") {
            return (options.user_names && !is_token(&range)).then_some((range, "user"));
        }
        let (domain, user) = (group("domain")?, group("user")?);
        if is_token(&user) {
            return None;
        }
        let domain_text = text.get(domain.clone())?;
        let known = candidate::is_cloud_domain(domain_text) || self.knows_domain(domain_text);
        // A domain that is known may stay; one that only looks like one goes with its user.
        let range = if known {
            user.clone()
        } else {
            domain.start..user.end
        };
        (options.user_names && candidate::is_account(text, domain, user, known))
            .then_some((range, "user"))
    }

    fn token(&self, class: &str, value: &str) -> String {
        // Names and addresses are equal whatever their case.
        let hash = blake3::keyed_hash(&self.key, value.trim().to_lowercase().as_bytes());
        let hex: String = hash.to_hex().chars().take(8).collect();
        format!("{class}:{hex}")
    }
}
