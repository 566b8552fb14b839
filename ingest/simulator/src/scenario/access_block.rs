//! A third-party product denies access to one driver file: setup, image servicing and the installer
//! each stumble over it in their own way.

use super::{Case, Code, Fault, Occurrence, Stage, Statement};
use crate::{
    device::Device,
    names::{BLOCKING_PRODUCTS, PROTECTED_DRIVERS},
    random::Random,
};

const ACCESS_DENIED: Code = Code(0x8007_0005, "E_ACCESSDENIED");
const FILES_LOCKED: Code = Code(0x8024_200d, "WU_E_UH_NEEDANOTHERDOWNLOAD");

/// Name, process and module of the product that groups of devices have.
fn product(group: u32) -> (&'static str, &'static str, &'static str) {
    BLOCKING_PRODUCTS
        .get(group as usize % BLOCKING_PRODUCTS.len())
        .copied()
        .unwrap_or_default()
}

/// The product is there.
pub(super) fn shape(device: &mut Device, group: u32) {
    let (name, ..) = product(group);
    if !device.security_products.contains(&name) {
        device.security_products.push(name);
    }
}

/// The driver that this simulation's product protects: its setup file and its binary.
struct Driver {
    inf: &'static str,
    binary: &'static str,
    hash: String,
}

fn driver(seed: u64, group: u32) -> Driver {
    let random = &mut if group == 0 {
        Random::for_path(&[seed, 0xd7_17])
    } else {
        Random::for_path(&[seed, 0xd7_17, u64::from(group)])
    };
    let (inf, binary) = random.pick(&PROTECTED_DRIVERS);
    Driver {
        inf,
        binary,
        hash: random.hex(16),
    }
}

impl Driver {
    fn store_path(&self, root: &str, revision: &str) -> String {
        format!(
            "{root}\\amd64_dual_{}_31bf3856ad364e35_10.0.{revision}_none_{}\\{}",
            self.inf, self.hash, self.binary
        )
    }
}

fn agent_crash(group: u32) -> Occurrence {
    let (_, agent, module) = product(group);
    let data = [
        ("param1", agent),
        ("param2", "7.2.0.418"),
        ("param3", "64f1c2d7"),
        ("param4", module),
        ("param5", "7.2.0.418"),
        ("param6", "64f1c2a0"),
        ("param7", "c0000005"),
        ("param8", "000000000001b4e2"),
        ("param9", "0x1d9c"),
    ];
    Occurrence {
        channel: "Application",
        provider: "Application Error",
        event_id: 1000,
        level: "error",
        data: data
            .into_iter()
            .map(|(name, value)| (name, value.to_owned()))
            .collect(),
        message: format!(
            "Faulting application name: {agent}, version: 7.2.0.418, time stamp: 0x64f1c2d7\nFaulting module name: {module}, version: 7.2.0.418, time stamp: 0x64f1c2a0\nException code: 0xc0000005\nFault offset: 0x000000000001b4e2"
        ),
    }
}

fn case(driver: &Driver, fault: Fault) -> Case {
    Case {
        culprit: Some(driver.binary.to_owned()),
        ..Case::of(fault)
    }
}

/// A feature update that stops while the image is applied.
pub(super) fn in_setup(seed: u64, group: u32) -> Case {
    let driver = driver(seed, group);
    let file = driver.store_path("C:\\$WINDOWS.~BT\\NewOS\\Windows\\WinSxS", "19041.1");
    let mut fault = Fault::at(Stage::Elsewhere, ACCESS_DENIED);
    fault.setup = vec![
        Statement::info("SP", "[{pid}] RestoreFileNodeList:(2254)").after(190_000),
        Statement::info("SP", format!("[{{pid}}] {file} (Error = 5)")),
        Statement::error("SP", format!("SPWIMCallback: Error in apply of {file}. GLE [5]\n[{{pid}}] RestoreFilesCallback:(3887)\n[{{pid}}] EnumImageDataEntries:(1052)\n[{{pid}}] ImageWorkerThread:(198)\n[{{pid}}] RestoreAllData:(1025)\n[{{pid}}] WIMApplyImageInternal:(709)")),
        Statement::error("SP", "CApplyWIM: Failure while applying image 1 for C:\\$WINDOWS.~BT\\Sources\\Install.esd. Error 0x80070005[gle=0x00000005]").after(2_500),
        Statement::error("SP", "Operation failed: Apply WIM file PathForNewOSFile (compact), index 1 to C:\\$WINDOWS.~BT\\NewOS. Error: 0x80070005[gle=0x000000b7]"),
        Statement::error("MOUPG", "CDlpActionImageDeploy::ExecuteDeploy(2163): Result = 0x80070005").after(900),
        Statement::error("MOUPG", "CSetupManager::ExecuteInstallMode(1029): Result = 0x80070005"),
    ];
    fault.events = vec![agent_crash(group)];
    Case {
        names_update: false,
        ..case(&driver, fault)
    }
}

/// An image that cannot be mounted.
pub(super) fn in_dism(device: &Device, seed: u64, group: u32) -> Case {
    let driver = driver(seed, group);
    let file = driver.store_path("D:\\Mount\\Windows\\WinSxS", "19041.1");
    let denied = device.language.texts().access_denied;
    let trail = [
        ("RestoreFileNodeList", 2188),
        ("RestoreFilesCallback", 3821),
        ("EnumImageDataEntries", 1052),
        ("RestoreAllData", 1023),
        ("WIMApplyImageInternal", 709),
        ("ImageStubMountDirectory", 985),
        ("WIMMountImageHandle", 1275),
    ];
    let trail: Vec<String> = trail
        .iter()
        .map(|(function, line)| format!("[{{pid}}] [0x80070005] {function}:({line}): {denied}"))
        .collect();
    let mut fault = Fault::at(Stage::Elsewhere, ACCESS_DENIED);
    fault.dism = vec![
        Statement::info("DISM", "DISM WIM Provider: PID={pid} Mounting D:\\Images\\install.wim index 3 to D:\\Mount - CWimManager::Mount").after(4_000),
        Statement::error("DISM", format!("DISM WIM Provider: PID={{pid}} {file} (HRESULT=0x80070005) - CWimManager::WimProviderMsgLogCallback\n{}", trail.join("\n"))).after(380_000),
        Statement::error("DISM", "DISM WIM Provider: PID={pid} onecore\\base\\ntsetup\\opktools\\dism\\providers\\wimprovider\\dll\\wimmanager.cpp:2927 - CWimManager::InternalOpMount(hr:0x80070005)"),
        Statement::error("DISM", "DISM Imaging Provider: PID={pid} onecore\\base\\ntsetup\\opktools\\dism\\providers\\imagingprovider\\dll\\genericimagingmanager.cpp:3810 - CGenericImagingManager::InternalCmdMount(hr:0x80070005)"),
        Statement::error("DISM", "DISM.EXE: DISM Imaging Provider processed the command line but failed. HRESULT=80070005"),
    ];
    fault.events = vec![agent_crash(group)];
    Case {
        names_update: false,
        ..case(&driver, fault)
    }
}

/// An installation that the client gives up, with a trace that shows why.
pub(super) fn at_install(seed: u64, group: u32, own: &mut Random) -> Case {
    let driver = driver(seed, group);
    let file = driver.store_path(
        &format!(
            "C:\\Windows\\SoftwareDistribution\\Download\\{}\\inst",
            own.hex(32)
        ),
        "19041.4780",
    );
    let mut fault = Fault::at(Stage::Install, FILES_LOCKED);
    fault.servicing_code = ACCESS_DENIED;
    fault.cbs = vec![
        Statement::info("DPX", "Started DPX phase: Apply Deltas Provided In File").after(6_000),
        Statement::info("DPX", "CJob::Resume completed with status: 0x80070005").after(5_000),
        Statement::error(
            "CBS",
            format!("Failed to expand package: {{package}} {ACCESS_DENIED}"),
        ),
    ];
    fault.windows_update = vec![
        Statement::info(
            "Handler",
            format!("*FAILED* [{:08X}] Install of update", FILES_LOCKED.0),
        )
        .after(9_000),
        Statement::info(
            "Agent",
            format!(
                "WARNING: LoadLibrary failed, exit code = 0x{:08X}",
                FILES_LOCKED.0
            ),
        ),
    ];
    fault.events = vec![agent_crash(group)];
    Case {
        inner_code: Some(ACCESS_DENIED.0),
        traced_file: Some(file),
        ..case(&driver, fault)
    }
}
