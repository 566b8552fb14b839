//! The functions of `queries/embedded/analyst_functions.txt`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

static LIST: &str = include_str!("../../../embedded/analyst_functions.txt");

/// Suffixes that ClickHouse's aggregate functions take, any number of them.
const COMBINATORS: [&str; 15] = [
    "simplestate",
    "ordefault",
    "distinct",
    "resample",
    "foreach",
    "argmax",
    "argmin",
    "ornull",
    "tuple",
    "merge",
    "state",
    "array",
    "null",
    "map",
    "if",
];

static ALLOWED: LazyLock<BTreeSet<String>> = LazyLock::new(|| names(false).collect());

/// The names of the list, in lower case: the allowed or the refused ones.
pub(crate) fn names(refused: bool) -> impl Iterator<Item = String> {
    LIST.lines()
        .filter(|line| !line.starts_with('#'))
        .filter(move |line| line.starts_with("- ") == refused)
        .flat_map(|line| line.trim_start_matches("- ").split_whitespace())
        .map(str::to_ascii_lowercase)
}

/// True for a function of the list, with or without combinators.
pub(crate) fn is_allowed(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut rest = name.as_str();
    loop {
        if ALLOWED.contains(rest) {
            return true;
        }
        match COMBINATORS.iter().find_map(|end| rest.strip_suffix(end)) {
            Some(shorter) => rest = shorter,
            None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case_and_with_combinators() {
        for name in [
            "count",
            "COUNT",
            "uniqExactIfOrNull",
            "quantilesTDigestState",
            "if",
            "toDateTime64",
            "sumMap",
            "countDistinct",
            "lambda",
            "_CAST",
        ] {
            assert!(is_allowed(name), "{name}");
        }
        for name in [
            "file",
            "FILE",
            "fileIf",
            "url",
            "s3",
            "remote",
            "executable",
            "dictGet",
            "joinGet",
            "sleep",
            "hasColumnInTable",
            "merge",
            "eval",
            "cluster",
            "",
            "if ",
            "nothere",
            "aiGenerate",
            "__getScalar",
        ] {
            assert!(!is_allowed(name), "{name}");
        }
    }

    #[test]
    fn no_name_is_in_both_lists() {
        let refused: BTreeSet<String> = names(true).collect();
        assert_eq!(ALLOWED.intersection(&refused).next(), None);
        assert!(refused.len() > 200 && ALLOWED.len() > 1000);
    }
}
