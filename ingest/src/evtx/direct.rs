//! Records read straight from their values, without printing them as JSON first.
//!
//! [`Direct::read`] gives what [`from_event`](super::from_event) makes of the JSON of the same
//! record, or nothing when the record is of an unusual shape; a test holds both against each other
//! on all real logs.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::Timestamp;

use super::template::{self, Child, Content, Element, Leaf, Role};
use super::value::{self, BIN_XML, Raw, TEXT_ARRAY};
use crate::event_record::{EventRecord, level_of};
use crate::json::push_unique;

/// Most bytes of text of one record: values can stand in many places.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// Most fields of one record; each is compared with those before it.
const FIELDS_MAX: usize = 512;
/// Most values of one template instance.
const VALUES_MAX: usize = 1024;

/// What values without a name are called, with their number.
const PARAM: &str = "param";

/// Reads the records of one chunk.
pub(super) struct Direct<'a> {
    chunk: &'a [u8],
    /// By the offset of their definition; none is an unusual one.
    templates: BTreeMap<usize, Option<Rc<Element>>>,
    found: Found,
}

/// What the record last read states.
#[derive(Default)]
struct Found {
    provider: String,
    windows_event_id: Option<u32>,
    level: String,
    channel: String,
    computer_name: String,
    time_text: String,
    time: Option<Timestamp>,
    fields: Vec<(String, String)>,
    text_bytes: usize,
}

/// A template and the values for its places.
struct Instance<'a> {
    template: Rc<Element>,
    values: Vec<Raw<'a>>,
}

impl<'a> Direct<'a> {
    pub(super) fn new(chunk: &'a [u8]) -> Self {
        Self {
            chunk,
            templates: BTreeMap::new(),
            found: Found::default(),
        }
    }

    /// Reads the record whose content is these bytes of the chunk.
    pub(super) fn read(
        &mut self,
        offset: usize,
        bytes: usize,
    ) -> Option<(EventRecord<'_>, Option<Timestamp>)> {
        let event = self.instance(offset, offset.checked_add(bytes)?)?;
        if event.template.role != Role::Event {
            return None;
        }
        self.found.clear();
        self.event(&event)?;
        let found = &mut self.found;
        let record = EventRecord {
            provider: &found.provider,
            windows_event_id: found.windows_event_id,
            record_id: None,
            channel: &found.channel,
            computer_name: &found.computer_name,
            level: level_of(&found.level),
            time_text: &found.time_text,
            fields: std::mem::take(&mut found.fields),
            text: "",
        };
        Some((record, found.time))
    }

    fn event(&mut self, event: &Instance<'a>) -> Option<()> {
        let Content::Children(children) = &event.template.content else {
            return None;
        };
        let (mut event_data, mut user_data) = (None, None);
        let mut nested = Vec::new();
        for child in children {
            match child {
                Child::Element(element) if is_left_out(element, &event.values) => {}
                Child::Element(element) => match element.role {
                    Role::System => self.found.system(element, &event.values)?,
                    Role::EventData if event_data.is_none() => event_data = Some((element, None)),
                    Role::UserData if user_data.is_none() => user_data = Some((element, None)),
                    _ => return None,
                },
                Child::Slot(slot) => {
                    let value = event.values.get(*slot)?;
                    if !value.is_null() {
                        nested.push(self.elements(value)?);
                    }
                }
            }
        }
        for instance in &nested {
            let place = match instance.template.role {
                Role::EventData => &mut event_data,
                Role::UserData => &mut user_data,
                _ => return None,
            };
            if place.is_some() {
                return None;
            }
            *place = Some((&instance.template, Some(&instance.values)));
        }
        for (element, values) in [event_data, user_data].into_iter().flatten() {
            let values = values.unwrap_or(&event.values);
            if is_left_out(element, values) {
                continue;
            }
            match element.content {
                Content::Leaf(Leaf::Slot(slot)) => self.filled(values.get(slot)?)?,
                _ => self.found.container(element, values)?,
            }
        }
        Some(())
    }

    /// `EventData` or `UserData` whose content is a value of its own.
    fn filled(&mut self, value: &Raw<'a>) -> Option<()> {
        if value.is_null() {
            return Some(());
        }
        let content = self.elements(value)?;
        let element = &content.template;
        if element.role != Role::Other {
            return None;
        }
        if !is_left_out(element, &content.values) && !element.name.contains("attributes") {
            self.found
                .element(element, &element.name, &content.values)?;
        }
        Some(())
    }

    /// Reads a value that is elements.
    fn elements(&mut self, value: &Raw<'a>) -> Option<Instance<'a>> {
        let start = value
            .bytes
            .as_ptr()
            .addr()
            .checked_sub(self.chunk.as_ptr().addr())?;
        let end = start.checked_add(value.bytes.len())?;
        (value.kind == BIN_XML).then(|| self.instance(start, end))?
    }

    /// Reads a stream that is one template instance.
    fn instance(&mut self, start: usize, end: usize) -> Option<Instance<'a>> {
        let stream = self.chunk.get(start..end)?;
        let mut at = start
            + match stream {
                [0x0f, _, _, _, 0x0c, ..] => 5,
                [0x0c, ..] => 1,
                _ => return None,
            };
        let chunk = self.chunk.get(..end)?;
        let u32_at = |at: usize| {
            let (bytes, _) = chunk.get(at..)?.split_first_chunk()?;
            usize::try_from(u32::from_le_bytes(*bytes)).ok()
        };
        let definition = u32_at(at + 5)?;
        at += 9;
        if definition == at {
            at = at.checked_add(24)?.checked_add(u32_at(at + 20)?)?;
        }
        let count = u32_at(at)?;
        at += 4;
        if count > VALUES_MAX {
            return None;
        }
        let (descriptors, _) = chunk.get(at..at + count * 4)?.as_chunks::<4>();
        at += count * 4;
        let mut values = Vec::with_capacity(count);
        for &[low, high, kind, _] in descriptors {
            let size = usize::from(u16::from_le_bytes([low, high]));
            let bytes = chunk.get(at..at + size)?;
            at += size;
            values.push(Raw { kind, bytes });
        }
        // A second instance or element behind it.
        if chunk.get(at).is_some_and(|token| *token != 0) {
            return None;
        }
        let template = self
            .templates
            .entry(definition)
            .or_insert_with(|| template::read(self.chunk, definition).map(Rc::new))
            .clone()?;
        Some(Instance { template, values })
    }
}

fn is_left_out(element: &Element, values: &[Raw<'_>]) -> bool {
    element
        .dependency
        .and_then(|dependency| values.get(dependency))
        .is_some_and(Raw::is_null)
}

impl Found {
    fn clear(&mut self) {
        for text in [
            &mut self.provider,
            &mut self.level,
            &mut self.channel,
            &mut self.computer_name,
            &mut self.time_text,
        ] {
            text.clear();
        }
        self.windows_event_id = None;
        self.time = None;
        self.fields.clear();
        self.text_bytes = 0;
    }

    fn system(&mut self, system: &Element, values: &[Raw<'_>]) -> Option<()> {
        let Content::Children(children) = &system.content else {
            return None;
        };
        for child in children {
            let Child::Element(element) = child else {
                return None;
            };
            if is_left_out(element, values) {
                continue;
            }
            let content = match &element.content {
                Content::Leaf(leaf) => Some(leaf),
                Content::Empty => None,
                Content::Children(_) => return None,
            };
            match element.role {
                Role::Provider => push_leaf(element.attribute.as_ref(), values, &mut self.provider),
                Role::Level => push_leaf(content, values, &mut self.level),
                Role::Channel => push_leaf(content, values, &mut self.channel),
                Role::Computer => push_leaf(content, values, &mut self.computer_name),
                Role::EventId => {
                    let mut digits = String::with_capacity(8);
                    let read = push_leaf(content, values, &mut digits);
                    self.windows_event_id = digits.parse().ok();
                    read
                }
                Role::TimeCreated => {
                    let stated = match element.attribute {
                        Some(Leaf::Slot(slot)) => *values.get(slot)?,
                        _ => return None,
                    };
                    self.time = Some(stated.time()?);
                    stated.push_text(&mut self.time_text)
                }
                Role::Other => Some(true),
                _ => return None,
            }?;
        }
        Some(())
    }

    /// `EventData` or `UserData`.
    fn container(&mut self, container: &Element, values: &[Raw<'_>]) -> Option<()> {
        let children = match &container.content {
            Content::Children(children) => children,
            Content::Empty => return Some(()),
            Content::Leaf(_) => return None,
        };
        let is_unnamed = |child: &Child| matches!(child, Child::Element(child) if child.role == Role::Data && child.name.is_empty());
        let mut unnamed = children.iter().filter(|child| is_unnamed(child));
        let mut has_unnamed = false;
        for child in children {
            let Child::Element(element) = child else {
                return None;
            };
            if is_unnamed(child) {
                // All of them stand where the first is.
                if !has_unnamed {
                    has_unnamed = true;
                    self.unnamed(&mut unnamed, values)?;
                }
                continue;
            }
            if element.name.contains("attributes") || is_left_out(element, values) {
                continue;
            }
            if element.role == Role::Data {
                let text = Self::text(&element.content, values)?.unwrap_or_default();
                self.push(&element.name, text)?;
            } else {
                self.element(element, &element.name, values)?;
            }
        }
        Some(())
    }

    /// Values without a name are `param1`, `param2`, …; a value of several texts is several.
    fn unnamed(
        &mut self,
        elements: &mut dyn Iterator<Item = &Child>,
        values: &[Raw<'_>],
    ) -> Option<()> {
        let mut number = 0;
        let mut name = String::with_capacity(PARAM.len() + 4);
        name.push_str(PARAM);
        let mut push = |found: &mut Self, text| {
            number += 1;
            name.truncate(PARAM.len());
            value::push_number(number, &mut name);
            found.push(&name, text)
        };
        for child in elements {
            let Child::Element(element) = child else {
                return None;
            };
            if is_left_out(element, values) {
                continue;
            }
            let value = match element.content {
                Content::Leaf(Leaf::Slot(slot)) => Some(values.get(slot)?),
                _ => None,
            };
            match value.filter(|value| value.kind == TEXT_ARRAY && !value.bytes.is_empty()) {
                Some(array) => {
                    for bytes in array.texts()? {
                        let mut text = String::new();
                        value::push_utf16(bytes, &mut text)?;
                        push(self, text)?;
                    }
                }
                None if value.is_some_and(|value| value.kind == TEXT_ARRAY) => {
                    push(self, String::new())?;
                }
                None => {
                    let text = Self::text(&element.content, values)?.unwrap_or_default();
                    push(self, text)?;
                }
            }
        }
        Some(())
    }

    /// The leaves below an element, named by their innermost element.
    fn element(&mut self, element: &Element, name: &str, values: &[Raw<'_>]) -> Option<()> {
        let Content::Children(children) = &element.content else {
            return match Self::text(&element.content, values)? {
                Some(text) => self.push(name, text),
                None => Some(()),
            };
        };
        for child in children {
            let Child::Element(child) = child else {
                return None;
            };
            if is_left_out(child, values) {
                continue;
            }
            if self.fields.iter().any(|(known, _)| *known == child.name) {
                self.element(child, &format!("{name}.{}", child.name), values)?;
            } else {
                self.element(child, &child.name, values)?;
            }
        }
        Some(())
    }

    /// The text of a leaf, if there is any; the outer none is an unusual value.
    #[expect(clippy::option_option, reason = "unusual and empty are two answers")]
    fn text(content: &Content, values: &[Raw<'_>]) -> Option<Option<String>> {
        let leaf = match content {
            Content::Leaf(leaf) => Some(leaf),
            Content::Empty => None,
            Content::Children(_) => return None,
        };
        let mut text = String::new();
        Some(push_leaf(leaf, values, &mut text)?.then_some(text))
    }

    fn push(&mut self, name: &str, text: String) -> Option<()> {
        self.text_bytes += text.len();
        if self.text_bytes > TEXT_BYTES_MAX || self.fields.len() == FIELDS_MAX {
            return None;
        }
        push_unique(name, text, &mut self.fields);
        Some(())
    }
}

/// Appends the text of a leaf and tells whether there was any; none is an unusual value.
fn push_leaf(leaf: Option<&Leaf>, values: &[Raw<'_>], out: &mut String) -> Option<bool> {
    match leaf {
        Some(Leaf::Text(text)) => out.push_str(text),
        Some(Leaf::Slot(slot)) => return values.get(*slot)?.push_text(out),
        None => return Some(false),
    }
    Some(!out.is_empty())
}
