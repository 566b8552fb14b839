//! The fuzz targets over their seeds and over some hundred changes of each: the same functions that
//! `make fuzz` runs for hours, here for a few seconds and always with the same changes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    missing_docs,
    unreachable_pub,
    reason = "shared with the fuzz package; a broken promise panics"
)]

use std::path::{Path, PathBuf};

#[path = "../fuzz/src/targets.rs"]
mod targets;

/// Changes of each seed; `make torture` asks for more.
const CHANGES: u64 = 60;

#[expect(
    clippy::disallowed_methods,
    reason = "a longer run is asked for from outside"
)]
fn changes() -> u64 {
    std::env::var("PATCHLENS_FUZZ_CHANGES").map_or(CHANGES, |changes| changes.parse().unwrap())
}

/// Longest part of a seed that is changed.
const SEED_BYTES_MAX: usize = 20_000;

/// Numbers that look random and are the same in every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_none_or(|extension| extension != "snap") {
            found.push(path);
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&root.join("tests/fixtures"), &mut found);
    files(&root.join("fuzz/seeds"), &mut found);
    found.sort();
    assert!(found.len() > 25, "{found:?}");
    found
        .iter()
        .map(|path| {
            let mut bytes = std::fs::read(path).unwrap();
            bytes.truncate(SEED_BYTES_MAX);
            bytes
        })
        .collect()
}

/// Flips, cuts, doubles, joins: what damage and malice do.
fn changed(seed: &[u8], other: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    const MARKS: [&[u8]; 12] = [
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\0",
        b"\0\0\0\0",
        b"\n",
        b"\r\r\n",
        b"\"",
        b"{",
        b"]]>",
        b"\xff",
        b"0x80070005",
        b"2024-08-20 10:02:41, ",
    ];
    let mut bytes = seed.to_vec();
    for _ in 0..=numbers.below(5) {
        let at = numbers.below(bytes.len() + 1);
        match numbers.below(6) {
            0 if at < bytes.len() => bytes[at] = numbers.next() as u8,
            1 => bytes.truncate(at),
            2 => {
                let mark = MARKS[numbers.below(MARKS.len())];
                bytes.splice(at..at, mark.iter().copied());
            }
            3 => {
                let to = (at + numbers.below(64)).min(bytes.len());
                let piece = bytes[at..to].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => {
                let to = (at + numbers.below(64)).min(bytes.len());
                bytes.drain(at..to);
            }
            _ => {
                let from = numbers.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}

#[test]
fn no_target_breaks_its_promises() {
    let seeds = seeds();
    for (name, target) in targets::TARGETS {
        let mut numbers = Numbers(0x7061_7463_686c_656e);
        for seed in &seeds {
            let attempt = |bytes: &[u8]| {
                let result = std::panic::catch_unwind(|| target(bytes));
                assert!(
                    result.is_ok(),
                    "{name} fails on {:?}",
                    String::from_utf8_lossy(&bytes[..bytes.len().min(2_000)])
                );
            };
            attempt(seed);
            for _ in 0..changes() {
                let other = &seeds[numbers.below(seeds.len())];
                attempt(&changed(seed, other, &mut numbers));
            }
        }
    }
}
