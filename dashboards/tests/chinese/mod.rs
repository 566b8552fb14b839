//! Chinese pages are Chinese: no sentence of theirs is left in English.

use crate::{PAGES, page, seeded};

/// What stands between tags, without what logs, editors and scripts hold, and what says of itself that it is English: that
/// is as it was written.
fn prose(html: &str) -> Vec<String> {
    const VERBATIM: [&str; 6] = ["pre", "code", "textarea", "script", "style", "option"];
    let (mut texts, mut rest, mut inside) = (Vec::new(), html, None);
    while let Some((text, behind)) = rest.split_once('<') {
        if inside.is_none() {
            texts.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        let (tag, after) = behind.split_once('>').unwrap_or((behind, ""));
        let name = tag.trim_start_matches('/');
        let name = name.split_whitespace().next().unwrap_or_default();
        match inside {
            None if !tag.starts_with('/')
                && (VERBATIM.contains(&name) || name != "html" && tag.contains("lang=\"en\"")) =>
            {
                inside = Some(name);
            }
            Some(open) if tag.starts_with('/') && open == name => inside = None,
            _ => {}
        }
        rest = after;
    }
    texts.retain(|text| !text.is_empty());
    texts
}

/// Whether five English words follow each other: names of products and updates are shorter.
fn is_english(text: &str) -> bool {
    let is_word = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        word.len() > 1 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'\'')
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .windows(5)
        .any(|words| words.iter().all(|word| is_word(word)))
}

#[test]
fn english_is_recognised() {
    assert!(is_english("中文 one row per rollout and planned device"));
    for text in [
        "2024-08 Cumulative Update for Windows 10",
        "全部设备",
        "Dism /online /cleanup-image",
    ] {
        assert!(!is_english(text), "{text}");
    }
    let html = "<p title=\"x\">a <b>b</b></p><pre>one two <i>three</i> four five six</pre><span lang=\"en\">d</span> c";
    assert_eq!(prose(html), ["a", "b"]);
}

#[tokio::test]
async fn no_sentence_of_a_chinese_page_is_english() {
    let Some((app, _store)) = seeded().await else {
        return;
    };
    let mut english = Vec::new();
    let more = ["/upload", "/devices/BJ-PC-070", "/codes"];
    for address in PAGES.into_iter().chain(more) {
        let with = if address.contains('?') { '&' } else { '?' };
        let html = page(&app, &format!("{address}{with}lang=zh")).await;
        let found = prose(&html);
        assert!(found.len() > 10, "{address}: {html}");
        let found = found.into_iter().filter(|text| is_english(text));
        english.extend(found.map(|text| format!("{address}: {text}")));
    }
    assert!(english.is_empty(), "{}", english.join("\n"));
}
