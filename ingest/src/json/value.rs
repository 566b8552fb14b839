//! A JSON value whose members keep their order, since the order of event data is its meaning.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value. Numbers and booleans are kept as they are printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    /// Text, a number or a boolean.
    Scalar(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    /// A member of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.members()
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// A member, or a member of a member; a dot in a name also matches a flattened name.
    pub(crate) fn at(&self, path: &str) -> Option<&Value> {
        if let Some(value) = self.get(path) {
            return Some(value);
        }
        path.match_indices('.')
            .find_map(|(at, _)| self.get(path.get(..at)?)?.at(path.get(at + 1..)?))
    }

    /// The text of the first of these paths that holds a scalar.
    pub(crate) fn text(&self, paths: &[&str]) -> Option<&str> {
        paths
            .iter()
            .find_map(|path| self.at(path).and_then(Value::scalar))
            .filter(|text| !text.is_empty())
    }

    /// The text of a scalar.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match self {
            Self::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The members of an object, in order; none of anything else.
    pub(crate) fn members(&self) -> &[(String, Value)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// The items of an array; none of anything else.
    pub(crate) fn items(&self) -> &[Value] {
        match self {
            Self::Array(items) => items,
            _ => &[],
        }
    }

    /// Appends the scalars below this value, named by their innermost member. A name that is taken
    /// already gets the outer name before it, and then a number behind it.
    pub(crate) fn flatten_into(&self, name: &str, fields: &mut Vec<(String, String)>) {
        match self {
            Self::Null => {}
            Self::Scalar(text) => push_unique(name, text.clone(), fields),
            Self::Array(items)
                if items
                    .iter()
                    .all(|item| matches!(item, Self::Scalar(_) | Self::Null)) =>
            {
                let texts: Vec<&str> = items.iter().filter_map(Self::scalar).collect();
                if !texts.is_empty() {
                    push_unique(name, texts.join("; "), fields);
                }
            }
            Self::Array(items) => items
                .iter()
                .for_each(|item| item.flatten_into(name, fields)),
            Self::Object(members) => {
                for (inner, value) in members {
                    let taken = fields.iter().any(|(known, _)| known == inner);
                    let full = if taken && !name.is_empty() {
                        format!("{name}.{inner}")
                    } else {
                        inner.clone()
                    };
                    value.flatten_into(&full, fields);
                }
            }
        }
    }
}

/// Room for the fields of most records.
const FIELDS_USUAL: usize = 12;

/// Appends a field under this name, or under the first free `name_2`, `name_3`, … when it is taken.
pub(crate) fn push_unique(name: &str, value: String, fields: &mut Vec<(String, String)>) {
    let taken = |name: &str| fields.iter().any(|(known, _)| known == name);
    let mut free = name.to_owned();
    let mut number = 2;
    while taken(&free) {
        free = format!("{name}_{number}");
        number += 1;
    }
    if fields.capacity() == 0 {
        fields.reserve(FIELDS_USUAL);
    }
    fields.push((free, value));
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Scalar(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(json: &str) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        serde_json::from_str::<Value>(json)
            .unwrap()
            .flatten_into("", &mut fields);
        fields
    }

    #[test]
    fn members_keep_their_order_and_their_names_stay_unique() {
        let fields = flat(r#"{"b":1,"a":{"b":2,"c":[true,null,"x"]},"d":[{"e":1},{"e":2}]}"#);
        let shown: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(shown, ["b=1", "a.b=2", "c=true; x", "e=1", "d.e=2"]);
    }

    #[test]
    fn a_path_also_matches_a_flattened_name() {
        let nested: Value = serde_json::from_str(r#"{"winlog":{"event_id":20}}"#).unwrap();
        let flat: Value = serde_json::from_str(r#"{"winlog.event_id":20}"#).unwrap();
        assert_eq!(nested.text(&["winlog.event_id"]), Some("20"));
        assert_eq!(flat.text(&["winlog.event_id"]), Some("20"));
    }
}
