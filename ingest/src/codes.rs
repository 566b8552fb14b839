//! Error codes in running text, in every spelling that Windows logs use.

use patchlens_event::Hresult;

/// Finds the failing codes of a message, in reading order, each once; Win32 numbers as HRESULTs.
pub fn find(_text: &str) -> impl Iterator<Item = Hresult> {
    std::iter::empty()
}
