//! The extend code of Windows Setup: in which phase, and at which operation, it stopped.

/// Phases, by the digit above the last four.
const PHASES: [&str; 7] = [
    "unknown",
    "downlevel (the old Windows still runs)",
    "safe OS (the recovery environment)",
    "first boot of the new Windows",
    "second boot, out-of-box experience",
    "uninstall",
    "post out-of-box experience",
];
/// Operations, by the last two digits, as Microsoft names them.
const OPERATIONS: [&str; 33] = [
    "unknown",
    "COPY_PAYLOAD",
    "DOWNLOAD_UPDATES",
    "INSTALL_UPDATES",
    "INSTALL_RECOVERY_ENVIRONMENT",
    "INSTALL_RECOVERY_IMAGE",
    "REPLICATE_OC",
    "INSTALL_DRIVERS",
    "PREPARE_SAFE_OS",
    "PREPARE_ROLLBACK",
    "PREPARE_FIRST_BOOT",
    "PREPARE_OOBE_BOOT",
    "APPLY_IMAGE",
    "MIGRATE_DATA",
    "SET_PRODUCT_KEY",
    "ADD_UNATTEND",
    "ADD_DRIVER",
    "ENABLE_FEATURE",
    "DISABLE_FEATURE",
    "REGISTER_ASYNC_PROCESS",
    "REGISTER_SYNC_PROCESS",
    "CREATE_FILE",
    "CREATE_REGISTRY",
    "BOOT",
    "SYSPREP",
    "OOBE",
    "BEGIN_FIRST_BOOT",
    "END_FIRST_BOOT",
    "BEGIN_OOBE_BOOT",
    "END_OOBE_BOOT",
    "PRE_OOBE",
    "POST_OOBE",
    "ADD_PROVISIONING_PACKAGE",
];

/// Phase and operation of an extend code; `None` for a number that is none.
pub(super) fn phase_and_operation(extend: u32) -> Option<(&'static str, &'static str)> {
    let index = |value: u32| usize::try_from(value).ok();
    let phase = PHASES.get(index(extend >> 16)?)?;
    let operation = OPERATIONS.get(index(extend & 0xFFFF)?)?;
    (extend > 0xFFFF).then_some((phase, operation))
}
