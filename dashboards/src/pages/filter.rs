//! The filter selects of the list pages.

use crate::frame::Frame;

/// One select.
pub(crate) struct Filter {
    /// The query parameter.
    pub(crate) name: &'static str,
    /// What stands above it.
    pub(crate) label: String,
    /// The choices, without "all".
    pub(crate) options: Vec<Choice>,
}

/// One choice.
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) selected: bool,
}

impl Filter {
    /// Builds a select from the values that the data holds. A value in the address that the data does not hold (any
    /// more) stays a choice, so that a link shows what it filters by.
    pub(crate) fn new(
        f: &Frame,
        name: &'static str,
        label: &str,
        values: &[String],
        family: Option<&str>,
    ) -> Self {
        let current = f.value(name);
        let mut values: Vec<&str> = values
            .iter()
            .map(String::as_str)
            .filter(|value| !value.is_empty())
            .collect();
        if let Some(current) = current
            && !values.contains(&current)
        {
            values.push(current);
        }
        let options = values
            .into_iter()
            .map(|value| Choice {
                value: value.to_owned(),
                label: family.map_or_else(
                    || crate::format::short(value, 40),
                    |family| f.label(family, value),
                ),
                selected: current == Some(value),
            })
            .collect();
        Self {
            name,
            label: label.to_owned(),
            options,
        }
    }
}
