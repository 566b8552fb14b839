//! Templates: a message with its variable parts masked, equal for equal statements.

/// Writes the template of a message's first line into `out`, which is cleared first.
pub fn of(message: &str, out: &mut String) {
    out.clear();
    out.push_str(message.lines().next().unwrap_or_default());
}
