#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| patchlens_ingest_fuzz::run("inventories", bytes));
