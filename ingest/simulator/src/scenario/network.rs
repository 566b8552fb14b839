//! Between the device and the update server: names, connections, credentials, the server itself.

use super::{Case, Code, Fault, Stage, Statement};
use crate::{bundle::FileKind, random::Random};

/// Any log of the client tells a code that has one cause.
const BY_CLIENT: &[&[FileKind]] = &[
    &[FileKind::WindowsUpdate],
    &[FileKind::Events],
    &[FileKind::ReportingEvents],
];
const BY_TRACE: &[&[FileKind]] = &[&[FileKind::WindowsUpdate]];

fn failed(component: &'static str, code: Code, text: &str) -> Statement {
    Statement::info(component, format!("*FAILED* [{:08X}] {text}", code.0))
}

fn case(fault: Fault) -> Case {
    Case {
        names_update: fault.stage == Stage::Download,
        told_by: Some(BY_CLIENT),
        ..Case::of(fault)
    }
}

pub(super) fn unreachable(shared: &mut Random) -> Case {
    let server = shared.pick(&[
        "fe3cr.delivery.mp.microsoft.com",
        "slscr.update.microsoft.com",
        "wsus01.corp.example:8530",
        "sccm-dp2.corp.example",
        "updates.branch.example",
    ]);
    let code = shared.pick(&[
        Code(0x8024_402c, "WU_E_PT_WINHTTP_NAME_NOT_RESOLVED"),
        Code(0x8007_2ee7, "ERROR_INTERNET_NAME_NOT_RESOLVED"),
        Code(0x8007_2ee2, "ERROR_INTERNET_TIMEOUT"),
        Code(0x8007_2efd, "ERROR_INTERNET_CANNOT_CONNECT"),
    ]);
    let mut fault = Fault::at(Stage::Scan, code);
    fault.windows_update = vec![
        failed(
            "WebServices",
            code,
            &format!(
                "WS error: There was an error communicating with the endpoint at 'https://{server}/ClientWebService/client.asmx'."
            ),
        ),
        failed("Misc", code, "SendRequest"),
    ];
    Case {
        culprit: Some(server.to_owned()),
        told_by: Some(BY_TRACE),
        ..case(fault)
    }
}

pub(super) fn download_stalls(own: &mut Random) -> Case {
    let code = own.pick(&[
        Code(0x80d0_2002, "DO_E_DOWNLOAD_NO_PROGRESS"),
        Code(0x8024_0438, "WU_E_PT_ENDPOINT_UNREACHABLE"),
        Code(0x8020_0010, "BG_E_NETWORK_DISCONNECTED"),
    ]);
    let mut fault = Fault::at(Stage::Download, code);
    fault.windows_update = vec![
        Statement::info(
            "DownloadManager",
            format!(
                "*FAILED* [{:08X}] DO job hit a transient error, bytes downloaded {}",
                code.0,
                own.between(0, 90_000_000)
            ),
        )
        .after(60_000),
    ];
    case(fault)
}

pub(super) fn credentials(shared: &mut Random) -> Case {
    let (code, status) = shared.pick(&[
        (Code(0x8024_4018, "WU_E_PT_HTTP_STATUS_FORBIDDEN"), 403),
        (Code(0x8024_4017, "WU_E_PT_HTTP_STATUS_DENIED"), 401),
        (Code(0x8024_401b, "WU_E_PT_HTTP_STATUS_PROXY_AUTH_REQ"), 407),
    ]);
    let mut fault = Fault::at(Stage::Scan, code);
    fault.windows_update = vec![
        failed(
            "WebServices",
            code,
            &format!(
                "WS error: There was an error communicating with the endpoint. The server returned HTTP status code '{status} (0x{status:X})'"
            ),
        ),
        failed(
            "WebServices",
            code,
            "MapToSusHResult mapped Nws error 0x803d000f",
        ),
    ];
    case(fault)
}

pub(super) fn server_error(shared: &mut Random) -> Case {
    let server = shared.pick(&[
        "http://wsus01.corp.example:8530",
        "https://wsus-emea.example:8531",
        "http://10.20.1.9:8530",
        "http://updsrv3:8530",
    ]);
    let (code, said) = shared.pick(&[
        (Code(0x8024_4022, "WU_E_PT_HTTP_STATUS_SERVICE_UNAVAIL"), "WS error: The server returned HTTP status code '503 (0x1F7)' with text 'Service Unavailable'"),
        (Code(0x8024_401f, "WU_E_PT_HTTP_STATUS_SERVER_ERROR"), "WS error: The server returned HTTP status code '500 (0x1F4)' with text 'Internal Server Error'"),
        (Code(0x8024_4023, "WU_E_PT_HTTP_STATUS_GATEWAY_TIMEOUT"), "WS error: The server returned HTTP status code '504 (0x1F8)' with text 'Gateway Timeout'"),
        (Code(0x8024_4007, "WU_E_PT_SOAPCLIENT_SOAPFAULT"), "WS error: <detail><ErrorCode>InvalidParameters</ErrorCode><Message>parameters.InstalledNonLeafUpdateIDs</Message><Method>\"http://www.microsoft.com/SoftwareDistribution/Server/ClientWebService/SyncUpdates\"</Method></detail>"),
    ]);
    let mut fault = Fault::at(Stage::Scan, code);
    fault.windows_update = vec![
        Statement::info(
            "ProtocolTalker",
            format!(
                "ServiceId = {{3DA21691-E39D-4DA6-8A4B-B43877BCB1B7}}, Server URL = {server}/ClientWebService/client.asmx"
            ),
        ),
        failed("WebServices", code, said),
    ];
    Case {
        culprit: Some(server.to_owned()),
        told_by: Some(BY_TRACE),
        ..case(fault)
    }
}

/// The client was told to stop.
pub(super) fn cancelled() -> Case {
    let code = Code(0x8024_000b, "WU_E_CALL_CANCELLED");
    let mut fault = Fault::at(Stage::Download, code);
    fault.windows_update = vec![
        Statement::info("ComApi", "Cancelling download: caller asked for it").after(20_000),
        Statement::info("DownloadManager", "Download call was cancelled by the user"),
    ];
    Case {
        told_by: Some(BY_TRACE),
        ..case(fault)
    }
}
