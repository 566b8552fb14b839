//! One page of a list of the JSON API: a stable order, and a cursor that says after which row the next page begins.
//!
//! The next page's address is in the header `Link`, as RFC 8288 has it; a reader follows it until there is none. Rows
//! that come or go between two pages are at most missed or seen once more themselves; they move no other row.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::http::header::{HeaderName, LINK};
use axum::http::{HeaderMap, HeaderValue};

use crate::error::{Error, Result};
use crate::frame::Frame;

/// Rows of a page where the address does not say how many.
pub(crate) const LIMIT_DEFAULT: usize = 500;
const LIMIT_MAX: usize = 1_000;

/// How many rows the address asks for; `None` when it does not say.
pub(crate) fn limit(frame: &Frame) -> Result<Option<usize>> {
    let Some(value) = frame.value("limit") else {
        return Ok(None);
    };
    match value.parse() {
        Ok(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(Some(limit)),
        _ => Err(Error::Parameter {
            name: "limit",
            value: value.to_owned(),
            expected: "a whole number from 1 to 1000",
        }),
    }
}

/// Cuts one page out of a whole list. `id` tells the rows apart.
///
/// A cursor holds the number of rows before the page and a hash of the last one's id: where that row has moved, the page
/// begins after its new place; where it is gone, after as many rows.
pub(crate) fn page<T, K: Hash>(
    frame: &Frame,
    mut rows: Vec<T>,
    id: impl Fn(&T) -> K,
) -> Result<(HeaderMap, Vec<T>)> {
    let total = rows.len();
    let limit = limit(frame)?.unwrap_or(LIMIT_DEFAULT);
    let begin = match frame.value("cursor") {
        None => 0,
        Some(cursor) => {
            let (before, last) = read(cursor)?;
            let is_last = |row: &T| hash(&id(row)) == last;
            let stayed = before
                .checked_sub(1)
                .and_then(|index| rows.get(index))
                .is_some_and(is_last);
            if stayed {
                before
            } else {
                rows.iter()
                    .position(is_last)
                    .map_or(before.min(total), |index| index + 1)
            }
        }
    };
    let mut page = rows.split_off(begin);
    let next = (page.len() > limit)
        .then(|| page.get(limit - 1))
        .flatten()
        .map(|last| format!("{}-{:x}", begin + limit, hash(&id(last))));
    page.truncate(limit);
    Ok((headers(frame, total as u64, next.as_deref()), page))
}

/// The headers of a page that has `total` rows with all others, and the cursor of the next one.
pub(crate) fn headers(frame: &Frame, total: u64, next: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        HeaderName::from_static("x-total-count"),
        HeaderValue::from(total),
    );
    let link = next.map(|cursor| format!("<{}>; rel=\"next\"", frame.with("cursor", cursor)));
    // The address is percent-encoded, so that it always is a header's value.
    if let Some(Ok(link)) = link.map(HeaderValue::try_from) {
        headers.insert(LINK, link);
    }
    headers
}

fn read(cursor: &str) -> Result<(usize, u64)> {
    let is_written_here = |before: &str, last: &str| {
        (1..=9).contains(&before.len())
            && before.bytes().all(|digit| digit.is_ascii_digit())
            && (1..=16).contains(&last.len())
            && last
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    let parts = cursor
        .split_once('-')
        .filter(|(before, last)| is_written_here(before, last))
        .and_then(|(before, last)| {
            Some((before.parse().ok()?, u64::from_str_radix(last, 16).ok()?))
        });
    parts.ok_or_else(|| Error::Parameter {
        name: "cursor",
        value: cursor.to_owned(),
        expected: "the cursor of a header Link, as it was given",
    })
}

fn hash(id: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn frame(query: &str) -> Frame {
        let request = Request::builder().uri(format!("/api/v1/codes?{query}"));
        Frame::of(&request.body(()).unwrap().into_parts().0)
    }

    fn next(headers: &HeaderMap) -> Option<String> {
        let link = headers.get(LINK)?.to_str().unwrap();
        let address = link.strip_prefix('<')?.split_once('>')?.0;
        Some(address.split_once('?')?.1.to_owned())
    }

    #[test]
    fn following_the_links_gives_every_row_once_in_order() {
        let rows: Vec<u32> = (0..10).collect();
        let (mut seen, mut query) = (Vec::new(), "limit=3".to_owned());
        loop {
            let (headers, page) = page(&frame(&query), rows.clone(), |row| *row).unwrap();
            assert_eq!(headers["x-total-count"], "10");
            assert!(page.len() <= 3);
            seen.extend(page);
            match next(&headers) {
                Some(following) => query = following,
                None => break,
            }
        }
        assert_eq!(seen, rows);
    }

    #[test]
    fn a_list_that_changes_moves_no_other_row() {
        let (headers, _) = page(&frame("limit=2"), vec!["a", "b", "c", "d"], |row| *row).unwrap();
        let query = next(&headers).unwrap();
        let follow = |rows: Vec<&'static str>| page(&frame(&query), rows, |row| *row).unwrap().1;
        assert_eq!(follow(vec!["new", "a", "b", "c", "d"]), ["c", "d"]);
        assert_eq!(follow(vec!["a", "c", "d"]), ["d"]);
        assert_eq!(follow(vec!["a"]), Vec::<&str>::new());
    }

    #[test]
    fn what_is_no_cursor_or_limit_is_refused() {
        for query in [
            "cursor=x",
            "cursor=-1-0",
            "cursor=%2B1-0",
            "cursor=1-F",
            "limit=0",
            "limit=1001",
            "limit=a",
        ] {
            assert!(page(&frame(query), vec![1], |row| *row).is_err(), "{query}");
        }
    }
}
