//! Fuzz targets of the collectors. See `targets`.

pub mod targets;

/// Runs one target by its name.
///
/// # Panics
/// When there is none of that name, or the input breaks a promise.
pub fn run(name: &str, bytes: &[u8]) {
    let (_, target) = targets::TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a target of this name");
    target(bytes);
}
