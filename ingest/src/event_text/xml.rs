//! `<Event>` elements, alone, in a list, or beneath the text that Event Viewer copies.

use roxmltree::{Document, Node};

use super::Stated;
use crate::inventory::Line;

const NAMESPACE: &str = "schemas.microsoft.com/win/2004/08/events/event";
const BEGIN: &str = "<Event ";
const END: &str = "</Event>";
/// A record longer than this is no record.
const RECORD_BYTES_MAX: usize = 1 << 20;

pub(super) fn recognise(lines: &[Line]) -> bool {
    lines.iter().any(|line| {
        line.text
            .split_once(BEGIN)
            .is_some_and(|(_, rest)| rest.contains(NAMESPACE))
    })
}

/// Each element from its beginning to its end, wherever the line ends stand. One that is damaged is
/// left out; the next begins anew.
pub(super) fn records(lines: &[Line]) -> Vec<Stated> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in lines.iter().enumerate() {
        let mut rest = line.text.as_str();
        loop {
            if let Some((start, text)) = &mut open {
                let (part, behind) = rest
                    .find(END)
                    .and_then(|at| rest.split_at_checked(at + END.len()))
                    .map_or((rest, None), |(part, behind)| (part, Some(behind)));
                if text.len() + part.len() <= RECORD_BYTES_MAX {
                    text.push_str(part);
                    text.push('\n');
                }
                let Some(behind) = behind else { break };
                if let Some(mut record) = record(text) {
                    record.line = *start;
                    record.continuations = (index - *start) as u64;
                    found.push(record);
                }
                open = None;
                rest = behind;
            } else {
                let Some(at) = rest.find(BEGIN) else { break };
                open = Some((index, String::new()));
                rest = rest.get(at..).unwrap_or_default();
            }
        }
    }
    found
}

fn record(text: &str) -> Option<Stated> {
    let document = Document::parse(text).ok()?;
    let event = document.root_element();
    let system = child(event, "System")?;
    let text_of = |name: &str| {
        child(system, name)
            .and_then(|node| node.text())
            .unwrap_or_default()
    };
    let attribute = |name: &str, attribute: &str| {
        child(system, name)
            .and_then(|node| node.attribute(attribute))
            .unwrap_or_default()
            .to_owned()
    };
    let mut provider = attribute("Provider", "Name");
    if provider.is_empty() {
        provider = attribute("Provider", "EventSourceName");
    }
    let rendered = child(event, "RenderingInfo")
        .and_then(|info| child(info, "Message"))
        .and_then(|message| message.text())
        .unwrap_or_default();
    let mut fields = Vec::new();
    for name in ["EventData", "UserData"] {
        if let Some(data) = child(event, name) {
            values(data, &mut fields);
        }
    }
    Some(Stated {
        provider,
        event_id: text_of("EventID").trim().parse().ok(),
        record_id: text_of("EventRecordID").trim().parse().ok(),
        channel: text_of("Channel").trim().to_owned(),
        computer_name: text_of("Computer").trim().to_owned(),
        level: text_of("Level").to_owned(),
        time_text: attribute("TimeCreated", "SystemTime"),
        fields,
        text: rendered.trim().to_owned(),
        ..Stated::default()
    })
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children()
        .find(|child| child.tag_name().name() == name)
}

/// The elements that hold a text, by their `Name` or by what they are called; data without a name is
/// counted.
fn values(data: Node<'_, '_>, fields: &mut Vec<(String, String)>) {
    let mut unnamed = 0;
    for node in data.descendants().filter(Node::is_element) {
        if node == data || node.children().any(|child| child.is_element()) {
            continue;
        }
        let name = match (node.attribute("Name"), node.tag_name().name()) {
            (None, "Data" | "Binary") => {
                unnamed += 1;
                format!("param{unnamed}")
            }
            (Some(name), _) | (None, name) => name.to_owned(),
        };
        fields.push((name, node.text().unwrap_or_default().trim().to_owned()));
    }
}
