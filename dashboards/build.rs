//! Embeds Apache ECharts when it is on this machine, and nothing when it is not.
//!
//! The library is looked for at `$PATCHLENS_ECHARTS`, then where `npm ci` for `web/package-lock.json` puts it under
//! the user's cache. Without it the pages show the same numbers as tables and server-side SVG.

use std::env;
use std::fs;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PATCHLENS_ECHARTS");
    let Some(out_dir) = env::var_os("OUT_DIR") else {
        println!("cargo:warning=OUT_DIR is not set: not run by cargo");
        return;
    };
    let candidates = [
        env::var_os("PATCHLENS_ECHARTS").map(PathBuf::from),
        env::var_os("HOME").map(|home| {
            PathBuf::from(home)
                .join(".cache/patchlens/web/node_modules/echarts/dist/echarts.min.js")
        }),
    ];
    let mut library = Vec::new();
    for candidate in candidates.into_iter().flatten() {
        println!("cargo:rerun-if-changed={}", candidate.display());
        if let Ok(bytes) = fs::read(&candidate) {
            library = bytes;
            break;
        }
    }
    let target = PathBuf::from(out_dir).join("echarts.min.js");
    if let Err(error) = fs::write(&target, library) {
        println!("cargo:warning=cannot write {}: {error}", target.display());
    }
}
