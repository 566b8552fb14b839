//! Template definitions of an event log, read into the few shapes that nearly every record has.
//!
//! A record names a template of its chunk and brings values for its places; the template holds the
//! elements once. Anything that is not of these shapes is no template here, and its records are
//! read through the JSON of crate `evtx`, which knows all of the format. So this module may refuse
//! whatever is rare, and must never guess.
//!
//! The format is specified in MS-EVEN6, 2.2.12 (BinXml).

/// Deepest nesting of elements: `Event`, `UserData`, its content, and a level to spare.
const DEPTH_MAX: usize = 6;
/// Most elements of one template; real ones have some dozens.
const ELEMENTS_MAX: usize = 512;
/// Length of a template's header: next offset, GUID and size.
const HEADER_BYTES: usize = 24;
/// The dependency of an element that has none.
const NO_DEPENDENCY: u16 = 0xffff;
/// Text as a value type.
pub(super) const TEXT: u8 = 0x01;

/// What an element is to us, told by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Event,
    System,
    EventData,
    UserData,
    Data,
    Provider,
    EventId,
    Level,
    TimeCreated,
    Channel,
    Computer,
    Other,
}

/// Where a text comes from.
#[derive(Debug)]
pub(super) enum Leaf {
    Text(String),
    Slot(usize),
}

/// What stands between an element's tags.
#[derive(Debug)]
pub(super) enum Content {
    Empty,
    Leaf(Leaf),
    Children(Vec<Child>),
}

#[derive(Debug)]
pub(super) enum Child {
    Element(Element),
    /// A place for elements.
    Slot(usize),
}

#[derive(Debug)]
pub(super) struct Element {
    pub(super) role: Role,
    /// The name; of a `Data` element the value of its attribute `Name`, empty without one.
    pub(super) name: String,
    /// The element is left out when this value is null.
    pub(super) dependency: Option<usize>,
    /// The one attribute that matters: `Name` of a provider, `SystemTime` of a time.
    pub(super) attribute: Option<Leaf>,
    has_attributes: bool,
    pub(super) content: Content,
}

/// Reads the definition at this offset of a chunk; none when it has an unusual shape.
pub(super) fn read(chunk: &[u8], offset: usize) -> Option<Element> {
    let mut size = Reader {
        chunk,
        at: offset.checked_add(HEADER_BYTES - 4)?,
        elements: 0,
    };
    let bytes = usize::try_from(size.u32()?).ok()?;
    let body = offset.checked_add(HEADER_BYTES)?;
    let mut reader = Reader {
        chunk: chunk.get(..body.checked_add(bytes)?)?,
        at: body,
        elements: 0,
    };
    let mut token = reader.u8()?;
    if token == 0x0f {
        reader.skip(3)?;
        token = reader.u8()?;
    }
    let root = reader.element(token, 0)?;
    // The rest is the end of the stream, or a second root.
    (matches!(reader.u8(), None | Some(0)) && is_plain(&root, None, None)).then_some(root)
}

struct Reader<'a> {
    chunk: &'a [u8],
    at: usize,
    elements: usize,
}

impl Reader<'_> {
    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.at = self.at.checked_add(bytes)?;
        (self.at <= self.chunk.len()).then_some(())
    }

    fn u8(&mut self) -> Option<u8> {
        let byte = *self.chunk.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn u16(&mut self) -> Option<u16> {
        let (bytes, _) = self.chunk.get(self.at..)?.split_first_chunk()?;
        self.at += 2;
        Some(u16::from_le_bytes(*bytes))
    }

    fn u32(&mut self) -> Option<u32> {
        let (bytes, _) = self.chunk.get(self.at..)?.split_first_chunk()?;
        self.at += 4;
        Some(u32::from_le_bytes(*bytes))
    }

    /// Text with its length in front.
    fn text(&mut self) -> Option<String> {
        let bytes = usize::from(self.u16()?) * 2;
        let start = self.at;
        self.skip(bytes)?;
        let mut text = String::new();
        super::value::push_utf16(self.chunk.get(start..self.at)?, &mut text)?;
        Some(text)
    }

    /// A name, which stands where it is first used and is referred to from then on.
    fn name(&mut self) -> Option<String> {
        let offset = usize::try_from(self.u32()?).ok()?;
        let mut there = Reader {
            chunk: self.chunk,
            at: offset,
            elements: 0,
        };
        there.skip(6)?;
        let name = there.text()?;
        if offset == self.at {
            self.at = there.at;
            self.skip(2)?;
        }
        // A name that JSON would have to escape.
        let is_usual = name
            .bytes()
            .all(|byte| byte > b' ' && byte != b'"' && byte != b'\\');
        (is_usual && !name.is_empty()).then_some(name)
    }

    fn slot(&mut self) -> Option<usize> {
        let slot = self.u16()?;
        self.skip(1)?;
        Some(usize::from(slot))
    }

    /// A text or a place for one, whose token has been read.
    fn leaf(&mut self, token: u8) -> Option<Leaf> {
        match token {
            0x05 | 0x45 if self.u8()? == TEXT => self.text().map(Leaf::Text),
            0x0d | 0x0e => self.slot().map(Leaf::Slot),
            _ => None,
        }
    }

    fn element(&mut self, token: u8, depth: usize) -> Option<Element> {
        self.elements += 1;
        if !matches!(token, 0x01 | 0x41) || depth > DEPTH_MAX || self.elements > ELEMENTS_MAX {
            return None;
        }
        let dependency = self.u16()?;
        self.skip(4)?;
        let mut name = self.name()?;
        if token == 0x41 {
            self.skip(4)?;
        }
        let role = role_of(&name);
        let (mut attribute, mut has_attributes) = (None, false);
        let ends_empty = loop {
            match self.u8()? {
                0x02 => break false,
                0x03 => break true,
                0x06 | 0x46 => {
                    let attribute_name = self.name()?;
                    let token = self.u8()?;
                    let value = self.leaf(token)?;
                    has_attributes = true;
                    let wanted = match role {
                        Role::Provider | Role::Data => "Name",
                        Role::TimeCreated => "SystemTime",
                        _ => "",
                    };
                    if attribute_name == wanted {
                        if attribute.is_some() {
                            return None;
                        }
                        attribute = Some(value);
                    }
                }
                _ => return None,
            }
        };
        if role == Role::Data {
            name = match attribute.take() {
                Some(Leaf::Text(name)) if !name.is_empty() => name,
                Some(_) => return None,
                None => String::new(),
            };
        }
        let content = if ends_empty {
            Content::Empty
        } else {
            self.content(depth)?
        };
        Some(Element {
            role,
            name,
            dependency: (dependency != NO_DEPENDENCY).then_some(usize::from(dependency)),
            attribute,
            has_attributes,
            content,
        })
    }

    fn content(&mut self, depth: usize) -> Option<Content> {
        let mut children = Vec::new();
        let mut text = None;
        loop {
            match self.u8()? {
                0x04 => break,
                token @ (0x01 | 0x41) => {
                    children.push(Child::Element(self.element(token, depth + 1)?));
                }
                token => match self.leaf(token)? {
                    Leaf::Slot(slot) => children.push(Child::Slot(slot)),
                    leaf @ Leaf::Text(_) if text.is_none() => text = Some(leaf),
                    Leaf::Text(_) => return None,
                },
            }
        }
        match (children.as_slice(), text) {
            ([], None) => Some(Content::Empty),
            ([], Some(text)) => Some(Content::Leaf(text)),
            ([Child::Slot(slot)], None) => Some(Content::Leaf(Leaf::Slot(*slot))),
            (_, None) => Some(Content::Children(children)),
            _ => None,
        }
    }
}

fn role_of(name: &str) -> Role {
    match name {
        "Event" => Role::Event,
        "System" => Role::System,
        "EventData" => Role::EventData,
        "UserData" => Role::UserData,
        "Data" => Role::Data,
        "Provider" => Role::Provider,
        "EventID" => Role::EventId,
        "Level" => Role::Level,
        "TimeCreated" => Role::TimeCreated,
        "Channel" => Role::Channel,
        "Computer" => Role::Computer,
        _ => Role::Other,
    }
}

/// Whether the fields of this element are its leaves under their own names: no name is there
/// twice, and nothing stands where it has another meaning. `level` counts from `EventData` or
/// `UserData` down.
fn is_plain(element: &Element, parent: Option<Role>, level: Option<usize>) -> bool {
    let is_container = matches!(element.role, Role::EventData | Role::UserData);
    let level = match (is_container, parent) {
        (true, _) => Some(0),
        // What a place within `UserData` is filled with.
        (false, None) if element.role == Role::Other => Some(1),
        _ => level,
    };
    let fits = match element.role {
        Role::Event => parent.is_none(),
        Role::EventData | Role::UserData => matches!(parent, None | Some(Role::Event)),
        // A value that is named `Data` counts as one without a name.
        Role::Data => {
            level == Some(1)
                && element.name != "Data"
                && !matches!(element.content, Content::Children(_))
        }
        Role::Other => true,
        _ => parent.is_some(),
    };
    // From the second level on attributes become fields, too.
    let hides_fields = element.has_attributes && level.is_some_and(|level| level > 1);
    let is_namespace = ["xmlns", "auto-ns"]
        .iter()
        .any(|start| element.name.starts_with(start));
    if !fits || hides_fields || is_namespace {
        return false;
    }
    let Content::Children(children) = &element.content else {
        return true;
    };
    let elements = || {
        children.iter().filter_map(|child| match child {
            Child::Element(element) => Some(element),
            Child::Slot(_) => None,
        })
    };
    let has_slots = elements().count() < children.len();
    // Values without a name stand beside each other, but not beside named ones.
    let is_unnamed = |child: &Element| child.role == Role::Data && child.name.is_empty();
    let has_named = elements().any(|child| child.role == Role::Data && !child.name.is_empty());
    let mixes = has_named && elements().any(is_unnamed);
    let repeats = elements().enumerate().any(|(index, child)| {
        let twice = |other: &Element| other.name == child.name;
        !is_unnamed(child) && elements().skip(index + 1).any(twice)
    });
    (!has_slots || element.role == Role::Event)
        && !mixes
        && !repeats
        && elements().all(|child| is_plain(child, Some(element.role), level.map(|level| level + 1)))
}
