//! Writes `codes.csv`: one row per error code, sorted by code.
//!
//! Values and symbols come from the source text of the crate `windows` (located by `cargo
//! metadata`, read as text, never compiled); meanings, wrappers and phases, and the families that no
//! package carries (servicing, Windows Setup, Delivery Optimization, the orchestrator), come from
//! `curated.csv`. A curated symbol that the crate knows under another code is refused.
//!
//! `cargo run --locked` writes the file; `cargo run --locked -- --check` only compares, and fails
//! when they differ.

mod constants;
mod curated;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use constants::Constant;
use curated::Curated;

type Failure = Box<dyn std::error::Error>;

/// Modules of the crate that define error codes, the one that names a code first goes first.
const MODULES: [&str; 6] = [
    "System/UpdateAgent",
    "Networking/BackgroundIntelligentTransferService",
    "Foundation",
    "Networking/WinHttp",
    "Networking/WinInet",
    "Storage/Jet",
];

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode, Failure> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let check = std::env::args().nth(1).as_deref() == Some("--check");
    let source = crate_source(here)?;
    let mut found: Vec<Constant> = Vec::new();
    for module in MODULES {
        let path = source.join("src/Windows/Win32").join(module).join("mod.rs");
        let text = std::fs::read_to_string(&path)
            .map_err(|e| format!("reading {}: {e}", path.display()))?;
        found.extend(constants::read(&text));
    }
    let curated = curated::read(&here.join("curated.csv"))?;
    let written = catalogue(&found, &curated)?;
    let target = here.join("../codes.csv");
    if check {
        let known = std::fs::read_to_string(&target)
            .map_err(|e| format!("reading {}: {e}", target.display()))?;
        if known != written {
            eprintln!(
                "{} is not what the generator writes: run `make codes`",
                target.display()
            );
            return Ok(ExitCode::FAILURE);
        }
        return Ok(ExitCode::SUCCESS);
    }
    std::fs::write(&target, &written).map_err(|e| format!("writing {}: {e}", target.display()))?;
    eprintln!(
        "{} codes, {} of them with a meaning",
        written.lines().count() - 1,
        curated.len()
    );
    Ok(ExitCode::SUCCESS)
}

/// Where cargo keeps the source of the pinned crate `windows`.
fn crate_source(here: &Path) -> Result<PathBuf, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(here)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let manifest = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "windows")
        .and_then(|package| package["manifest_path"].as_str())
        .ok_or("cargo metadata names no package `windows`")?;
    Ok(Path::new(manifest)
        .parent()
        .ok_or("the manifest has no folder")?
        .to_owned())
}

/// Puts constants and curated rows together, as CSV text.
fn catalogue(found: &[Constant], curated: &BTreeMap<u32, Curated>) -> Result<String, Failure> {
    let mut names: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    let mut code_of: BTreeMap<&str, u32> = BTreeMap::new();
    for constant in found {
        let known = names.entry(constant.code).or_default();
        if !known.contains(&constant.symbol.as_str()) {
            known.push(&constant.symbol);
        }
        code_of.entry(&constant.symbol).or_insert(constant.code);
    }
    for (code, row) in curated {
        if let Some(other) = code_of
            .get(row.symbol.as_str())
            .filter(|other| *other != code)
        {
            return Err(format!(
                "curated.csv gives {} the code 0x{code:08x}; it is 0x{other:08x}",
                row.symbol
            )
            .into());
        }
        if let Some(known) = names
            .get(code)
            .filter(|known| !known.contains(&row.symbol.as_str()))
        {
            return Err(format!(
                "curated.csv calls 0x{code:08x} {}; its names are {known:?}",
                row.symbol
            )
            .into());
        }
    }
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record([
        "code",
        "symbol",
        "family",
        "wrapper",
        "phase",
        "meaning_en",
        "meaning_zh",
        "documented_in",
        "also",
    ])?;
    let codes: std::collections::BTreeSet<u32> =
        names.keys().chain(curated.keys()).copied().collect();
    for code in codes {
        let known = names.get(&code).map(Vec::as_slice).unwrap_or_default();
        let hex = format!("0x{code:08x}");
        let own = curated.get(&code);
        let symbol = own
            .map(|row| row.symbol.as_str())
            .or_else(|| preferred(code, known))
            .unwrap_or_default();
        let also: Vec<&str> = known
            .iter()
            .copied()
            .filter(|name| *name != symbol)
            .collect();
        let family = own.map_or_else(
            || constants::family(code, symbol),
            |row| row.family.as_str(),
        );
        let fields = match own {
            Some(row) => [
                row.wrapper.as_str(),
                &row.phase,
                &row.meaning_en,
                &row.meaning_zh,
                &row.documented_in,
            ],
            None => ["no", "", "", "", constants::documented_in(family)],
        };
        writer.write_record(
            [hex.as_str(), symbol, family]
                .into_iter()
                .chain(fields)
                .chain([also.join(" ").as_str()]),
        )?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// The name that a reader of Windows logs meets: for what is a Win32 error, the name of that error.
fn preferred<'a>(code: u32, names: &[&'a str]) -> Option<&'a str> {
    let is_win32 = code >> 16 == 0x8007;
    names
        .iter()
        .find(|name| is_win32 && name.starts_with("ERROR_"))
        .or_else(|| names.first())
        .copied()
}
