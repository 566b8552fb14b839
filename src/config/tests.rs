//! Defaults load, wrong settings are refused by name.

use super::*;

fn resolve(text: &str) -> anyhow::Result<Config> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    Config::resolve(
        Some(file.path()),
        &Ends {
            data_dir: None,
            event_log: None,
            store: None,
            libchdb: None,
            store_http: None,
            knowledge: None,
        },
    )
}

#[test]
fn the_defaults_load_and_a_file_overrides_part_of_them() {
    let config = resolve("[transform]\ncut_wait_ms = 250\n").unwrap();
    assert_eq!(
        (config.transform.cut_wait_ms, config.transform.cut_mib_max),
        (250, 16)
    );
    assert!(config.data_dir.is_absolute() && config.data_dir.ends_with("patchlens-data"));
    let log = config.data_dir.join("log");
    assert_eq!(config.event_log_url(), format!("local:{}", log.display()));
}

#[test]
fn a_wrong_key_or_value_is_named() {
    for (text, named) in [
        ("[transform]\ncut_wait = 1\n", "cut_wait"),
        ("[transform]\ncut_mib_max = 0\n", "transform.cut_mib_max"),
        ("[transform]\ncut_wait_ms = 1\n", "transform.cut_wait_ms"),
        ("[collect.limits]\nratio = 5\n", "ratio"),
        ("[collect.limits]\nratio_max = 0\n", "ratio_max"),
        (
            "[collect]\nmessage_kib_max = 5000\n",
            "collect.message_kib_max",
        ),
        ("[collect]\nassume_utc_offset = \"8\"\n", "+08:00"),
        ("[embedded]\nthreads = 0\n", "embedded.threads"),
        (
            "[embedded]\nmemory_mib_max = 1\n",
            "embedded.memory_mib_max",
        ),
        ("[embedded]\nhttp = \"localhost\"\n", "embedded.http"),
        ("[event_log]\npartitions = 0\n", "event_log.partitions"),
        ("[event_log]\ngroup = \"\"\n", "event_log.group"),
        ("[store]\nurl = \"http://a:b@c\"\n", "store.url"),
        ("[store]\npassword_file = \"/nowhere\"\n", "/nowhere"),
        ("[dashboards]\nhttp = \"8080\"\n", "dashboards.http"),
        (
            "[dashboards]\nupload_mib_max = 0\n",
            "dashboards.upload_mib_max",
        ),
        ("[alert]\ninterval_seconds = 1\n", "alert.interval_seconds"),
        (
            "[[alert.sinks]]\nname = \"a\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1/\"\n",
            "allow_private",
        ),
        (
            "[[alert.sinks]]\nname = \"a\"\nkind = \"pager\"\nurl = \"http://x\"\n",
            "pager",
        ),
        (
            "[[alert.sinks]]\nname = \"a\"\nkind = \"webhook\"\nurl = \"https://x.example\"\nsecret_file = \"/nowhere\"\n",
            "/nowhere",
        ),
        ("[gateway]\nhttp = \"8090\"\n", "gateway.http"),
        ("[gateway]\nbundles_max = 0\n", "gateway.bundles_max"),
        ("[gateway]\nmemory_mib_max = 8\n", "gateway.memory_mib_max"),
        (
            "[collect.spool]\nafter_seconds = 0\n",
            "spool.after_seconds",
        ),
        ("[collect.follow]\nsettle_ms = 1\n", "follow.settle_ms"),
        ("nonsense", "configuration file"),
    ] {
        let error = format!("{:#}", resolve(text).unwrap_err());
        assert!(error.contains(named), "{text:?} gives {error:?}");
    }
}

#[test]
fn offsets_are_read_in_their_usual_forms() {
    for (text, minutes) in [("+08:00", 480), ("-0330", -210), ("Z", 0), ("+14:00", 840)] {
        assert_eq!(utc_offset_minutes(text).unwrap(), minutes);
    }
    for text in ["8", "+8", "+25:00", "+08:75", "08:00", "+08:0x"] {
        assert!(utc_offset_minutes(text).is_err(), "{text}");
    }
}

#[test]
fn a_password_is_never_shown() {
    assert_eq!(format!("{:?}", Secret("hunter2".to_owned())), "<secret>");
}
