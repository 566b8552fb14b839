//! What the engine's threads can reach, whatever SQL they run: the last layer, and the kernel's.
//!
//! Landlock binds a thread and all threads that it starts. It is put on before the library is loaded, on each thread
//! that loads or runs it; the rest of the program, which reads bundles from anywhere and talks to Kafka, is not bound.

use std::path::Path;

/// What may be read besides the data directory: the library's own needs at load, and figures about this machine.
/// `/proc/self/environ` and the like are left out on purpose.
#[cfg(target_os = "linux")]
const READABLE: &[&str] = &[
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/null",
    "/dev/urandom",
    "/dev/random",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/loadavg",
    "/proc/uptime",
    "/proc/filesystems",
    "/proc/sys",
    "/proc/self/cgroup",
    "/proc/self/limits",
    "/proc/self/mountinfo",
    "/proc/self/mounts",
    "/proc/self/stat",
    "/proc/self/statm",
    "/proc/self/status",
    "/sys/devices/system",
    "/sys/fs/cgroup",
];

/// Binds the calling thread. Returns whether the kernel enforces it; an old kernel leaves the other layers.
#[cfg(target_os = "linux")]
pub(crate) fn confine(data_dir: &Path, library: &Path) -> Result<bool, landlock::RulesetError> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
        path_beneath_rules,
    };
    // The newest version whose rights are all used here; older kernels enforce what they know of it.
    let abi = ABI::V5;
    let library = library.parent().unwrap_or(library);
    let read = READABLE.iter().map(Path::new).chain([library]);
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        // No rule follows for the network: no connection leaves these threads and none is accepted.
        .handle_access(AccessNet::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(
            read,
            AccessFs::from_read(abi) & !AccessFs::Execute,
        ))?
        .add_rules(path_beneath_rules(
            [Path::new("/dev/null")],
            AccessFs::WriteFile,
        ))?
        .add_rules(path_beneath_rules(
            [data_dir],
            AccessFs::from_all(abi) & !AccessFs::Execute,
        ))?
        .restrict_self()?;
    Ok(status.ruleset == RulesetStatus::FullyEnforced)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn confine(_: &Path, _: &Path) -> Result<bool, std::convert::Infallible> {
    Ok(false)
}

/// Binds the calling thread and says in the log when that is not possible.
pub(crate) fn confine_or_warn(data_dir: &Path, library: &Path) -> bool {
    match confine(data_dir, library) {
        Ok(true) => true,
        Ok(false) => {
            tracing::warn!(
                "this kernel does not confine the engine's threads to the data directory (Landlock): \
                            SQL is kept from files by the other layers only"
            );
            false
        }
        Err(error) => {
            tracing::warn!(%error, "the engine's threads could not be confined to the data directory (Landlock)");
            false
        }
    }
}
