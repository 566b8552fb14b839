//! The update service is switched off, or the local policy file cannot be read.

use super::{Case, Code, Fault, Occurrence, Stage};
use crate::device::{DISABLING_PRODUCT, Device};

const SERVICE_DISABLED: Code = Code(0x8007_0422, "ERROR_SERVICE_DISABLED");
const INVALID_DATA: Code = Code(0x8007_000d, "ERROR_INVALID_DATA");

/// The product has set the services to disabled.
pub(super) fn shape_disabled(device: &mut Device) {
    device.services.update = 4;
    device.services.medic = 4;
    device.services.orchestrator = 4;
    if !device.security_products.contains(&DISABLING_PRODUCT) {
        device.security_products.push(DISABLING_PRODUCT);
    }
}

pub(super) fn service_disabled(device: &Device) -> Case {
    let mut fault = Fault::at(Stage::SearchStart, SERVICE_DISABLED);
    fault.events = vec![Occurrence {
        channel: "System",
        provider: "Service Control Manager",
        event_id: 7040,
        level: "information",
        data: ["Windows Update", "demand start", "disabled", "wuauserv"]
            .into_iter()
            .zip(["param1", "param2", "param3", "param4"])
            .map(|(value, name)| (name, value.to_owned()))
            .collect(),
        message: device.language.texts().service_disabled.to_owned(),
    }];
    Case {
        culprit: Some("wuauserv".to_owned()),
        names_update: false,
        ..Case::of(fault)
    }
}

pub(super) fn policy_file_damaged(device: &Device) -> Case {
    let texts = device.language.texts();
    let mut fault = Fault::at(Stage::Elsewhere, INVALID_DATA);
    let data = vec![
        ("SupportInfo1", "1".to_owned()),
        ("SupportInfo2", "1264".to_owned()),
        ("ProcessingMode", "0".to_owned()),
        ("ProcessingTimeInMilliseconds", "94".to_owned()),
        ("ErrorCode", "13".to_owned()),
        ("ErrorDescription", texts.invalid_data.to_owned()),
        ("DCName", String::new()),
        ("GPOCNName", "LocalGPO".to_owned()),
        (
            "FilePath",
            "C:\\Windows\\System32\\GroupPolicy\\Machine\\registry.pol".to_owned(),
        ),
    ];
    let record = || Occurrence {
        channel: "System",
        provider: "Microsoft-Windows-GroupPolicy",
        event_id: 1096,
        level: "error",
        data: data.clone(),
        message: texts.registry_policy_failed.to_owned(),
    };
    fault.events = vec![record(), record()];
    Case {
        culprit: Some("registry.pol".to_owned()),
        names_update: false,
        error_code: None,
        ..Case::of(fault)
    }
}
