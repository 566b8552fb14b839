//! What the text around a number calls it.

use crate::bits::is_word_byte;

/// Words that call a number before them or after them an error.
const ERROR_WORDS: [&[u8]; 14] = [
    b"error",
    b"err",
    b"failed",
    b"failure",
    b"fails",
    b"fail",
    b"status",
    b"hresult",
    b"hr",
    b"gle",
    b"exception",
    b"result",
    b"resultmapped",
    b"resultunmapped",
];
/// Words that call the number behind them a code.
const CODE_WORDS: [&[u8]; 12] = [
    b"error",
    b"err",
    b"code",
    b"errorcode",
    b"hresult",
    b"hr",
    b"status",
    b"result",
    b"gle",
    b"returned",
    b"exit",
    b"lasterror",
];
/// Words that call the number behind them a Win32 error.
const WIN32_WORDS: [&[u8]; 7] = [
    b"error",
    b"err",
    b"gle",
    b"errorcode",
    b"lasterror",
    b"getlasterror",
    b"win32",
];
/// Words before `error` that make `error 5` a Win32 error in the middle of a sentence.
const WIN32_QUALIFIERS: [&[u8]; 5] = [b"win32", b"system", b"last", b"with", b"windows"];
/// Words that call a number something else, however much it looks like a code.
const OTHER_WORDS: [&[u8]; 22] = [
    b"flags",
    b"flag",
    b"mask",
    b"address",
    b"addr",
    b"handle",
    b"offset",
    b"size",
    b"attributes",
    b"hash",
    b"checksum",
    b"crc",
    b"pid",
    b"tid",
    b"thread",
    b"process",
    b"stack",
    b"pointer",
    b"hkey",
    b"length",
    b"options",
    b"timestamp",
];
/// Words that may stand between the word that tells and the number.
const FILLERS: [&[u8]; 9] = [
    b"with", b"is", b"was", b"to", b"of", b"the", b"value", b"code", b"number",
];

/// How far before a number a telling word may stand.
const REACH_BYTES: usize = 64;

/// A word that may be a code, in its text.
pub(super) struct Word<'a> {
    text: &'a [u8],
    start: usize,
    end: usize,
}

/// A word before the number, and what stands between it and the next.
struct Before<'a> {
    word: &'a [u8],
    gap: &'a [u8],
}

impl<'a> Word<'a> {
    pub(super) fn new(text: &'a [u8], start: usize, end: usize) -> Self {
        Self { text, start, end }
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    /// A minus sign stands before it, and is no hyphen.
    pub(super) fn is_negative(&self) -> bool {
        match self.before() {
            [.., earlier, b'-'] => !is_word_byte(*earlier) && *earlier != b'-',
            [b'-'] => true,
            _ => false,
        }
    }

    /// Part of a GUID, a version, a path or a package name.
    pub(super) fn is_part_of_more(&self) -> bool {
        let joins_before = matches!(
            self.before().last(),
            Some(b'-' | b'.' | b'\\' | b'/' | b'~' | b'%' | b'+' | b'@')
        );
        let joins_after = match self.after() {
            [b'-' | b'.' | b'\\' | b'/' | b'~' | b':', next, ..] => is_word_byte(*next),
            [b'%' | b'~' | b'\\', ..] => true,
            _ => false,
        };
        joins_before || joins_after
    }

    /// In brackets of its own.
    pub(super) fn is_bracketed(&self) -> bool {
        matches!(
            (self.before().last(), self.after().first()),
            (Some(b'['), Some(b']')) | (Some(b'('), Some(b')'))
        )
    }

    /// A word such as `failed` or `status` stands up to four words before it in the same sentence,
    /// or right behind it.
    pub(super) fn is_near_error_word(&self) -> bool {
        let before = self
            .words_before()
            .take_while(|before| !ends_statement(before.gap))
            .take(4);
        if before
            .into_iter()
            .any(|before| is_one_of(before.word, &ERROR_WORDS))
        {
            return true;
        }
        let after = self.after();
        let gap = after
            .iter()
            .take_while(|byte| !is_word_byte(**byte))
            .count();
        let word = after.get(gap..).unwrap_or_default();
        let length = word.iter().take_while(|byte| is_word_byte(**byte)).count();
        let word = word.get(..length).unwrap_or_default();
        let is_symbol =
            word.starts_with(b"ERROR_") || word.starts_with(b"STATUS_") || word.starts_with(b"E_");
        gap <= 3 && (is_one_of(word, &ERROR_WORDS) || is_symbol)
    }

    /// The word before it, but for fillers, calls it a code.
    pub(super) fn is_called_code(&self) -> bool {
        self.telling_word()
            .is_some_and(|before| is_one_of(before.word, &CODE_WORDS))
            || self
                .words_before()
                .next()
                .is_some_and(|before| is_one_of(before.word, &CODE_WORDS))
    }

    /// The word before it calls it a Win32 error; for numbers written in hexadecimal.
    pub(super) fn is_called_win32_error(&self) -> bool {
        self.telling_word()
            .is_some_and(|before| is_one_of(before.word, &WIN32_WORDS))
    }

    /// As [`Self::is_called_win32_error`], for plain numbers: `Error: 5 files` and `error 5 of 7`
    /// count things, so that after a colon or blank no word may follow the number unless the text
    /// says more.
    pub(super) fn is_called_win32_number(&self) -> bool {
        let Some(before) = self
            .telling_word()
            .filter(|before| is_one_of(before.word, &WIN32_WORDS))
        else {
            return false;
        };
        let is_marked = before
            .gap
            .iter()
            .any(|byte| matches!(byte, b'=' | b'[' | b'(' | b'#'));
        let is_followed_by_word =
            matches!(self.after(), [b' ', next, ..] if next.is_ascii_alphanumeric());
        is_marked
            || !is_followed_by_word && !self.is_qualified_by(b"http")
            || WIN32_QUALIFIERS
                .iter()
                .any(|word| self.is_qualified_by(word))
    }

    /// The word before it says that it is no code.
    pub(super) fn is_called_something_else(&self) -> bool {
        self.before().last() == Some(&b'@')
            || self.words_before().next().is_some_and(|before| {
                !ends_statement(before.gap) && is_one_of(before.word, &OTHER_WORDS)
            })
    }

    /// The first word before it that is no filler, with little but signs between.
    fn telling_word(&self) -> Option<Before<'a>> {
        self.words_before()
            .take_while(|before| {
                before.gap.len() <= 6
                    && before
                        .gap
                        .iter()
                        .all(|byte| b" \t:=[({<#'\"*)".contains(byte))
            })
            .take(3)
            .find(|before| !is_one_of(before.word, &FILLERS))
    }

    /// The word before the telling one is `qualifier`.
    fn is_qualified_by(&self, qualifier: &[u8]) -> bool {
        self.words_before()
            .take(4)
            .any(|before| before.word.eq_ignore_ascii_case(qualifier))
    }

    fn before(&self) -> &'a [u8] {
        self.text.get(..self.start).unwrap_or_default()
    }

    fn after(&self) -> &'a [u8] {
        self.text.get(self.end..).unwrap_or_default()
    }

    /// The words before it, nearest first.
    fn words_before(&self) -> impl Iterator<Item = Before<'a>> {
        let before = self.before();
        let mut rest = before
            .get(before.len().saturating_sub(REACH_BYTES)..)
            .unwrap_or_default();
        std::iter::from_fn(move || {
            let word_end = rest.iter().rposition(|byte| is_word_byte(*byte))? + 1;
            let (upto, gap) = rest.split_at_checked(word_end)?;
            let word_start = upto
                .iter()
                .rposition(|byte| !is_word_byte(*byte))
                .map_or(0, |at| at + 1);
            let (earlier, word) = upto.split_at_checked(word_start)?;
            rest = earlier;
            Some(Before { word, gap })
        })
    }
}

fn ends_statement(gap: &[u8]) -> bool {
    gap.iter().any(|byte| matches!(byte, b';' | b'.' | b'\n'))
}

fn is_one_of(word: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|known| word.eq_ignore_ascii_case(known))
}
