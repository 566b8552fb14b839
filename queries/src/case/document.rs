//! A report as data, before it has a form.

use schemars::JsonSchema;
use serde::Serialize;

/// A report: a title and its sections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Document {
    /// What it is about.
    pub title: String,
    /// `en` or `zh`.
    pub language: String,
    /// Its sections, in reading order.
    pub sections: Vec<Section>,
}

/// A heading and what stands under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// Its blocks, in reading order.
    pub blocks: Vec<Block>,
}

/// A piece of a section. All text is plain: nothing in it is mark-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Block {
    /// A paragraph.
    Text {
        /// The paragraph.
        text: String,
    },
    /// What to do, in order.
    Steps {
        /// The steps.
        steps: Vec<String>,
    },
    /// Name and value, line by line.
    Facts {
        /// Pairs of name and value.
        facts: Vec<(String, String)>,
    },
    /// A table.
    Table {
        /// Titles of the columns.
        header: Vec<String>,
        /// Rows with as many cells.
        rows: Vec<Vec<String>>,
    },
    /// A record as logged, with its place.
    Quote {
        /// Device, file, line and byte offset.
        place: String,
        /// The record.
        text: String,
    },
}

impl Section {
    /// A section of these blocks.
    pub fn new(heading: &str, blocks: Vec<Block>) -> Self {
        Self {
            heading: heading.to_owned(),
            blocks,
        }
    }
}

impl Block {
    /// A paragraph.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// A table; rows have as many cells as the header.
    pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self::Table {
            header: header.iter().map(|title| (*title).to_owned()).collect(),
            rows,
        }
    }

    /// Facts without those that are empty.
    pub fn facts(facts: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self::Facts {
            facts: facts
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }
}
