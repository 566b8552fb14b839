//! Names for people: what is at fault, in the width of a column.

/// What is at fault, cut to about so many characters. Of a path the end stays, which names the file; of anything else
/// the beginning.
pub fn shortened(culprit: &str, most: usize) -> String {
    let chars = culprit.chars().count();
    if chars <= most {
        return culprit.to_owned();
    }
    if !culprit.contains('\\') {
        return culprit.chars().take(most).chain(['…']).collect();
    }
    let tail: String = culprit.chars().skip(chars - most).collect();
    // From the first whole name on, when there is one.
    let whole = tail.find('\\').and_then(|at| tail.get(at..));
    format!("…{}", whole.unwrap_or(&tail))
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn long_culprits_keep_what_tells_them_apart() {
        assert_eq!(shortened("KB5014032", 20), "KB5014032");
        assert_eq!(shortened("", 20), "");
        let path = "C:\\Windows\\SoftwareDistribution\\Download\\6dc260b6\\inst\\usbser.sys";
        assert_eq!(shortened(path, 20), "…\\inst\\usbser.sys");
        assert_eq!(shortened("C:\\aaaaaaaaaaaaaaaaaaaa", 8), "…aaaaaaaa");
        assert_eq!(shortened("Package~31bf3856ad364e35", 7), "Package…");
        assert_eq!(shortened("长长长长", 2), "长长…");
    }
}
