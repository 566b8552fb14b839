//! JSON as collectors meet it: values that keep the order of their members, and a stream of
//! documents that may be an array, one document per line, or pretty-printed.

mod documents;
mod value;

pub(crate) use documents::{Document, Documents};
pub(crate) use value::{Value, push_unique};
