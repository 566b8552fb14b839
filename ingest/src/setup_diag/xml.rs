//! SetupDiagResults.xml, whole or cut.

use roxmltree::{Document, Node};

use super::Report;
use crate::inventory::Line;

/// Most levels of elements; a real report has three.
const DEPTH_MAX: usize = 16;

/// Reads a report, and says what is wrong with it.
pub(super) fn read(lines: &[Line]) -> (Option<Report>, Option<String>) {
    let text = lines
        .iter()
        .map(|line| line.text.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    // A few of its elements, cut out of the middle.
    let text = if text.contains("<SetupDiag") {
        text
    } else {
        let begun = opened(&text);
        if begun.starts_with("<SetupDiag>") {
            format!("{begun}{text}")
        } else {
            format!("<SetupDiag>{begun}{text}</SetupDiag>")
        }
    };
    if depth(&text) > DEPTH_MAX {
        let detail = format!("elements stand more than {DEPTH_MAX} deep, which no report does");
        return (None, Some(detail));
    }
    let error = match Document::parse(text.trim_start()) {
        Ok(document) => return (Some(report(document.root_element())), None),
        Err(error) => error,
    };
    let complaint = format!("the XML document is not whole: {error}");
    let report = closed(&text).and_then(|text| {
        Document::parse(&text)
            .ok()
            .map(|document| report(document.root_element()))
    });
    (report, Some(complaint))
}

/// The beginnings of those elements whose ends stand in a text that was cut within them.
fn opened(text: &str) -> String {
    let mut open: Vec<&str> = Vec::new();
    let mut missing = String::new();
    for tag in text.split('<').skip(1) {
        let Some((inside, _)) = tag.split_once('>') else {
            break;
        };
        if let Some(name) = inside.strip_prefix('/') {
            if open.last() == Some(&name) {
                open.pop();
            } else if open.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                missing.insert_str(0, &format!("<{name}>"));
            }
        } else if !inside.starts_with(['?', '!']) && !inside.ends_with('/') {
            open.push(inside.split_whitespace().next().unwrap_or(inside));
        }
    }
    missing
}

/// How deep elements stand in each other, roughly; nothing is parsed for it. What looks at an element
/// looks at all within it, and would never end in a tower of them.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for tag in text.split('<').skip(1) {
        let inside = tag.split('>').next().unwrap_or_default();
        if inside.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !inside.starts_with(['?', '!']) && !inside.ends_with('/') {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

fn text_of(node: Node<'_, '_>) -> String {
    node.descendants()
        .filter(Node::is_text)
        .filter_map(|node| node.text())
        .collect::<String>()
        .trim()
        .to_owned()
}

fn report(root: Node<'_, '_>) -> Report {
    let mut report = Report::default();
    for node in root.children().filter(Node::is_element) {
        let text = || text_of(node);
        match node.tag_name().name() {
            "ProfileName" => report.rule_name = text(),
            "ProfileGuid" => report.rule_guid = text(),
            "LogErrorLine" => report.log_error_line = text(),
            "FailureDetails" => report.details = text(),
            "FailureData" => report.failures.extend(items(node)),
            "Remediation" => report.remedies.extend(items(node)),
            "SystemInfo" => report.system.extend(
                node.children()
                    .filter(Node::is_element)
                    .map(|child| (child.tag_name().name().to_owned(), text_of(child))),
            ),
            "SetupPhaseInfo" => open_step(node, "PhaseName", &mut report.phase),
            "SetupOperationInfo" => open_step(node, "OperationName", &mut report.operation),
            _ => {}
        }
    }
    report
}

/// A list stands as repeated elements, or as elements within one.
fn items(node: Node<'_, '_>) -> Vec<String> {
    let children: Vec<String> = node
        .children()
        .filter(Node::is_element)
        .map(text_of)
        .collect();
    if children.is_empty() {
        vec![text_of(node)]
    } else {
        children
    }
}

/// The last step that was not completed.
fn open_step(node: Node<'_, '_>, name: &str, found: &mut String) {
    let value = |node: Node<'_, '_>, name: &str| {
        node.descendants()
            .find(|child| child.tag_name().name() == name)
            .map(text_of)
            .unwrap_or_default()
    };
    for step in node
        .descendants()
        .filter(|step| step.children().any(|child| child.tag_name().name() == name))
    {
        if !value(step, "CompletedSuccessfully").eq_ignore_ascii_case("true") {
            *found = value(step, name);
        }
    }
}

/// The document up to its last whole element, with everything closed that is open there.
fn closed(text: &str) -> Option<String> {
    let end = text.rfind("</")?;
    let length = text.get(end..)?.find('>').map(|at| at + 1);
    let kept = match length {
        Some(length) => text.get(..end + length)?,
        // The last tag itself is cut: what stands before it is text of an open element.
        None => text.get(..end)?,
    };
    let mut open: Vec<&str> = Vec::new();
    let mut rest = kept;
    while let Some(at) = rest.find('<') {
        let tag = rest.get(at + 1..)?;
        let end = tag.find('>')?;
        let inside = tag.get(..end)?;
        rest = tag.get(end + 1..)?;
        if inside.starts_with(['?', '!']) || inside.ends_with('/') {
            continue;
        }
        if inside.starts_with('/') {
            open.pop();
        } else {
            open.push(inside.split_whitespace().next()?);
            if open.len() > DEPTH_MAX {
                return None;
            }
        }
    }
    let mut whole = kept.trim_start().to_owned();
    for name in open.iter().rev() {
        whole.push_str("</");
        whole.push_str(name);
        whole.push('>');
    }
    Some(whole)
}
