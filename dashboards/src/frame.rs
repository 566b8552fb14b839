//! What every page shares: the reader's language and theme, the current address, and links that keep its filters.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt::Display;

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::i18n::{self, Lang};

/// The cookie that keeps the chosen language.
pub(crate) const LANG_COOKIE: &str = "patchlens_lang";
/// The cookie that keeps the chosen theme.
pub(crate) const THEME_COOKIE: &str = "patchlens_theme";

/// Bytes that may stand for themselves in a path segment or a query value.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The colours of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Theme {
    /// As the reader's system says.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// All themes, in the order of the switch.
    pub(crate) const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The name in URLs, cookies and the `data-theme` attribute.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }
}

/// The request as the pages see it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    /// The language of this answer.
    pub(crate) lang: Lang,
    /// The theme of this answer.
    pub(crate) theme: Theme,
    /// The path, as sent.
    pub(crate) path: String,
    /// The query's pairs, decoded, in order, without `lang` and `theme`.
    pub(crate) query: Vec<(String, String)>,
    /// Whether the browser says that another site sent it here.
    pub(crate) foreign: bool,
}

impl Frame {
    /// Reads a request's head.
    pub(crate) fn of(parts: &Parts) -> Self {
        let asked = parts.uri.query().unwrap_or_default();
        let mut query: Vec<(String, String)> = form_urlencoded::parse(asked.as_bytes())
            .into_owned()
            .collect();
        let asked = |name: &str| {
            query
                .iter()
                .rev()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        };
        let header = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let cookies = header(COOKIE);
        let lang = asked("lang")
            .and_then(|tag| Lang::parse(&tag))
            .or_else(|| cookie(cookies, LANG_COOKIE).and_then(Lang::parse))
            .unwrap_or_else(|| Lang::from_accept_language(header(ACCEPT_LANGUAGE)));
        let theme = asked("theme")
            .and_then(|name| Theme::parse(&name))
            .or_else(|| cookie(cookies, THEME_COOKIE).and_then(Theme::parse))
            .unwrap_or_default();
        query.retain(|(key, _)| key != "lang" && key != "theme");
        let foreign = header(HeaderName::from_static("sec-fetch-site")) == "cross-site";
        Self {
            lang,
            theme,
            path: parts.uri.path().to_owned(),
            query,
            foreign,
        }
    }

    /// The text for a key.
    pub(crate) fn t<'a>(&self, key: &'a str) -> &'a str {
        i18n::text(self.lang, key)
    }

    /// The text for a key with one number or name in it, `{n}`.
    pub(crate) fn fill(&self, key: &str, n: impl Display) -> String {
        i18n::fill(self.lang, key, &[("n", &n)])
    }

    /// The text for an id that data brought, such as a cause.
    pub(crate) fn label(&self, family: &str, id: &str) -> String {
        i18n::label(self.lang, family, id)
    }

    /// What a cause is called, and that it is not proved where the logs say too little for it.
    pub(crate) fn cause(&self, id: &str, confidence: impl Borrow<f64>) -> String {
        let name = self.label("cause", id);
        if id == "unknown" || *confidence.borrow() >= patchlens_queries::case::STATED {
            name
        } else {
            format!("{} {name}", self.t("device.doubtful"))
        }
    }

    /// One of two texts that the data holds in both languages; the English one where the other is empty.
    pub(crate) fn pick<'a>(&self, en: &'a str, zh: &'a str) -> &'a str {
        if self.lang == Lang::Zh && !zh.is_empty() {
            zh
        } else {
            en
        }
    }

    /// [`Frame::pick`] for lists.
    pub(crate) fn pick_list<'a>(&self, en: &'a [String], zh: &'a [String]) -> &'a [String] {
        if self.lang == Lang::Zh && !zh.is_empty() {
            zh
        } else {
            en
        }
    }

    /// A duration such as `3.2 d` with the unit in the reader's language.
    pub(crate) fn span(&self, text: impl AsRef<str>) -> String {
        let text = text.as_ref();
        match text.rsplit_once(' ') {
            Some((number, unit @ ("s" | "min" | "h" | "d"))) => {
                format!("{number} {}", self.label("unit", unit))
            }
            _ => text.to_owned(),
        }
    }

    /// A query value; `None` when absent or empty.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A query value or the empty string, which the reports read as "no filter".
    pub(crate) fn filter(&self, name: &str) -> String {
        self.value(name).unwrap_or_default().to_owned()
    }

    /// The current address with one parameter set, all others kept; an empty value removes it.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let kept = self
            .query
            .iter()
            .filter(|(key, _)| key != name)
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let added = (!value.is_empty()).then_some((name, value));
        address(&self.path, kept.chain(added))
    }

    /// The current address for another answer form, such as `/api/v1` or CSV, with all filters kept.
    pub(crate) fn at(&self, path: &str) -> String {
        address(
            path,
            self.query
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str())),
        )
    }

    /// Whether a navigation entry is the current one.
    pub(crate) fn is_at(&self, prefix: &str) -> bool {
        if prefix == "/" {
            self.path == "/" || self.path.starts_with("/rollouts")
        } else {
            self.path == prefix
                || self
                    .path
                    .strip_prefix(prefix)
                    .is_some_and(|rest| rest.starts_with('/'))
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Frame {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// Builds `path?a=1&b=2`.
pub(crate) fn address<'a>(path: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut built = path.to_owned();
    for (index, (key, value)) in pairs.enumerate() {
        built.push(if index == 0 { '?' } else { '&' });
        built.push_str(&encode(key));
        built.push('=');
        built.push_str(&encode(value));
    }
    built
}

/// Encodes one path segment or query value.
pub(crate) fn encode(value: &str) -> String {
    utf8_percent_encode(value, KEPT).to_string()
}

fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn frame(uri: &str, headers: &[(&str, &str)]) -> Frame {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Frame::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_address_wins_over_the_cookie_and_the_cookie_over_the_header() {
        let headers = [
            ("cookie", "a=b; patchlens_lang=zh; patchlens_theme=dark"),
            ("accept-language", "en"),
        ];
        assert_eq!(frame("/", &headers).lang, Lang::Zh);
        assert_eq!(frame("/", &headers).theme, Theme::Dark);
        assert_eq!(frame("/?lang=en&theme=light", &headers).lang, Lang::En);
        assert_eq!(frame("/?lang=xx", &headers).lang, Lang::Zh);
        assert_eq!(frame("/", &[("accept-language", "zh-CN")]).lang, Lang::Zh);
    }

    #[test]
    fn durations_are_in_the_readers_language() {
        let zh = frame("/?lang=zh", &[]);
        assert_eq!(
            [zh.span("3.2 d"), zh.span("–"), zh.span("12 s")],
            ["3.2 天", "–", "12 秒"]
        );
        assert_eq!(frame("/?lang=en", &[]).span("45 min"), "45 min");
    }

    #[test]
    fn links_keep_the_filters_and_encode_them() {
        let frame = frame("/clusters?site=A%26B&ring=%E4%B8%80&lang=zh", &[]);
        assert_eq!(frame.value("site"), Some("A&B"));
        assert_eq!(frame.with("ring", ""), "/clusters?site=A%26B");
        assert_eq!(
            frame.with("cause", "\"><script>"),
            "/clusters?site=A%26B&ring=%E4%B8%80&cause=%22%3E%3Cscript%3E"
        );
    }
}
