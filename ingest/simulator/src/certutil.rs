//! What `certutil -hashfile` says about a package that was copied to the device.

use crate::device::Device;

/// The output, as pasted from a console.
pub(crate) fn write(device: &Device, path: &str, hash: &str) -> String {
    let [above, below] = device.language.texts().certutil;
    format!(
        "C:\\>certutil -hashfile {path} SHA256\n{}\n{hash}\n{below}\n",
        above.replace("{path}", path)
    )
}
