//! Opens files of which somebody else may make something else at any moment.

use std::fs::File;
use std::io;
use std::path::Path;

/// What is said of a pipe, a socket or a device.
pub(crate) const NOT_A_FILE: &str =
    "it is a pipe or a device, not a file: write it to a file first";

/// Whether a path may be a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// A person named it.
    Followed,
    /// A directory listed it, and what it lists is no link.
    Refused,
}

/// Opens a regular file, and nothing else: a pipe would be waited for without end. What stands at its end
/// may be a link only where `links` are followed.
///
/// # Errors
/// When it cannot be opened or is no regular file.
pub(crate) fn open_regular(path: &Path, links: Links) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        let mut flags = OFlags::NONBLOCK;
        if links == Links::Refused {
            flags |= OFlags::NOFOLLOW;
        }
        options.custom_flags(flags.bits().cast_signed());
    }
    #[cfg(not(unix))]
    if links == Links::Refused && std::fs::symlink_metadata(path)?.is_symlink() {
        return Err(io::Error::other("it is a link"));
    }
    let file = options.open(path)?;
    // Asked of what was opened, not of the name.
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other(NOT_A_FILE))
    }
}
