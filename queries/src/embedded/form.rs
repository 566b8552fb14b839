//! The query part of a URL, and forms.

/// Splits `a=1&b=%20` into decoded pairs, in order. `+` is a space, as in forms; a broken escape stands for itself.
pub(crate) fn parse_query(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::parse_query;

    #[test]
    fn pairs_are_decoded() {
        let pairs = |query| {
            parse_query(query)
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            pairs("query=SELECT+1%2B1&database=&a&x=%zz%4&k=%C3%BC"),
            ["query=SELECT 1+1", "database=", "a=", "x=%zz%4", "k=ü"]
        );
        assert!(pairs("").is_empty());
    }
}
