//! The actions of a bulk request, each with its document.

use serde_json::Value;

/// One action of a bulk request, with its document.
pub(super) struct Item<'a> {
    pub(super) operation: &'static str,
    pub(super) index: String,
    /// Line and byte offset of the document, or of the action that has none.
    pub(super) place: (u64, u64),
    pub(super) action: &'a [u8],
    pub(super) document: Option<&'a [u8]>,
    pub(super) problem: &'static str,
}

/// The actions of a bulk request.
pub(super) struct Items<'a> {
    rest: &'a [u8],
    line: u64,
    offset: u64,
}

impl<'a> Items<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self {
            rest: body,
            line: 0,
            offset: 0,
        }
    }

    /// The next line that is not empty, and its place.
    fn line(&mut self) -> Option<((u64, u64), &'a [u8])> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|byte| *byte == b'\n');
            let (line, rest) = match end {
                Some(end) => (self.rest.get(..end)?, self.rest.get(end + 1..)?),
                None => (self.rest, [].as_slice()),
            };
            self.line += 1;
            let place = (self.line, self.offset);
            self.offset += (self.rest.len() - rest.len()) as u64;
            self.rest = rest;
            let line = line.trim_ascii();
            if !line.is_empty() {
                return Some((place, line));
            }
        }
        None
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let (place, line) = self.line()?;
        let mut item = Item {
            operation: "create",
            index: String::new(),
            place,
            action: line,
            document: None,
            problem: "the action has no document behind it",
        };
        match action(line) {
            // A document without an action before it: somebody sends plain lines here.
            None => item.document = Some(line),
            Some((operation @ ("create" | "index"), index)) => {
                (item.operation, item.index) = (operation, index);
                if let Some((place, document)) = self.line() {
                    (item.place, item.document) = (place, Some(document));
                }
            }
            Some((operation, index)) => {
                (item.operation, item.index) = (operation, index);
                item.problem = "only create and index are taken: events are never changed";
                if operation == "update" {
                    self.line();
                }
            }
        }
        Some(item)
    }
}

/// The operation and index of an action line.
fn action(line: &[u8]) -> Option<(&'static str, String)> {
    let value: Value = serde_json::from_slice(line).ok()?;
    let members = value.as_object().filter(|members| members.len() == 1)?;
    let (name, target) = members.iter().next()?;
    let operation = ["create", "index", "update", "delete"]
        .into_iter()
        .find(|known| known == name)?;
    let index = target.as_object()?.get("_index").and_then(Value::as_str);
    Some((operation, index.unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_lines_are_paired_whatever_is_wrong_with_some() {
        let body = b"{\"create\":{\"_index\":\"w\"}}\n{\"a\":1}\n\n{\"b\":2}\n{\"delete\":{\"_id\":\"1\"}}\n{\"index\":{}}\n{\"c\":3}\n{\"create\":{}}\n";
        let items: Vec<_> = Items::new(body)
            .map(|item| {
                let document = item
                    .document
                    .map(|document| String::from_utf8_lossy(document).into_owned());
                (item.operation, item.place.0, document)
            })
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            items,
            [
                ("create", 2, some("{\"a\":1}")),
                ("create", 4, some("{\"b\":2}")),
                ("delete", 5, None),
                ("index", 7, some("{\"c\":3}")),
                ("create", 8, None),
            ]
        );
    }
}
