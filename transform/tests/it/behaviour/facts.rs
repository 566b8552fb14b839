//! What inventory, reference data and clocks decide.

use super::*;

#[test]
fn the_inventory_decides_between_causes_that_share_a_code() {
    let scan = agent(
        0,
        1,
        "* END * Finding updates CallerId = UpdateOrchestrator, Id = 1, Exit code = 0x80240439",
    );
    let mut reference = Reference::default();
    reference.add_csv("prerequisites.csv", b"kb_article,os_build_number,requires_kb,requires_min_ubr,kind\n5041580,19041,5014032,1741,ssu\n").unwrap();
    let with = |build: &str| {
        judge(
            &[scan.clone(), inventory(0, &[("os_build", build)])],
            &reference,
        )
        .open()
    };
    let old = with("10.0.19044.1645");
    assert_eq!(
        (
            old[0][schema::CAUSE].as_str(),
            old[0][schema::CULPRIT].as_str(),
            old[0][schema::KB_ARTICLE].as_str()
        ),
        ("servicing-stack-missing", "KB5014032", "5041580")
    );
    assert_eq!(old[1][schema::CAUSE], "download-corrupt");
    let new = with("10.0.19044.4529");
    assert_eq!(new[0][schema::CAUSE], "download-corrupt");
    assert_eq!(new.len(), 1);
}

#[test]
fn contradictory_inventory_lowers_the_confidence() {
    let scan = agent(
        0,
        1,
        "* END * Finding updates CallerId = UpdateOrchestrator, Id = 1, Exit code = 0x80070422",
    );
    let agree = judge(
        &[
            scan.clone(),
            inventory(1, &[("service_start.wuauserv", "4")]),
        ],
        &Reference::default(),
    )
    .open();
    let differ = judge(
        &[
            scan,
            inventory(1, &[("service_start.wuauserv", "3")]),
            inventory(2, &[("service_start.wuauserv", "4")]),
        ],
        &Reference::default(),
    )
    .open();
    let confidence =
        |rows: &[crate::support::Row]| rows[0][schema::CONFIDENCE].parse::<f64>().unwrap();
    assert!(
        confidence(&agree) > 0.9 && confidence(&differ) < 0.8,
        "{} {}",
        confidence(&agree),
        confidence(&differ)
    );
}

#[test]
fn a_disabled_service_is_a_standing_condition() {
    let open = verdicts(&[inventory(0, &[("service_start.wuauserv", "4")])]).open();
    assert_eq!(
        (
            open[0][schema::CAUSE].as_str(),
            open[0][schema::ATTEMPT_ID].as_str()
        ),
        ("update-service-disabled", "")
    );
    assert!(
        verdicts(&[inventory(
            0,
            &[("service_start.wuauserv", "3"), ("service_start.BITS", "4")]
        )])
        .open()
        .is_empty()
    );
}

#[test]
fn a_file_whose_hash_differs_is_named_with_both_hashes() {
    let mut events = session(0, 1, "0x80073712 - ERROR_SXS_COMPONENT_STORE_CORRUPT");
    let (expected, found) = ("0a".repeat(32), "0b".repeat(32));
    events.insert(1, record(Source::CbsLog, "CSI", Level::Info, 20, 2, &format!("00000020 Hashes for file member [l:27]'tapi32.dll' do not match.\n Expected: {{l:32 ml:4096 b:{expected}}}.\n Found: {{l:32 b:{found}}}.")));
    events[2].origin.line = 3;
    let verdicts = verdicts(&events);
    let first = &verdicts.open()[0];
    assert_eq!(
        (
            first[schema::CAUSE].as_str(),
            first[schema::CULPRIT].as_str()
        ),
        ("component-hash-mismatch", "tapi32.dll"),
        "{}",
        verdicts.account()
    );
    assert!(
        first[schema::SUMMARY_EN].contains(&expected) && first[schema::SUMMARY_EN].contains(&found)
    );
}

#[test]
fn clocks_in_different_zones_still_tell_of_one_attempt() {
    let mut events = session(0, 1, "0x80073712 - ERROR_SXS_COMPONENT_STORE_CORRUPT");
    for event in &mut events {
        event.zone_source = patchlens_event::ZoneSource::Assumed;
    }
    let eight_hours = 8 * 3_600;
    events.extend([
        started(-eight_hours),
        failed(62 - eight_hours, "0x80073712"),
    ]);
    let verdicts = verdicts(&events);
    assert_eq!(verdicts.attempts().len(), 1, "{}", verdicts.account());
}

#[test]
fn an_event_that_comes_twice_counts_once() {
    let once = [started(0), failed(600, "0x80070020")];
    let twice = [once.to_vec(), once.to_vec()].concat();
    assert_eq!(verdicts(&once).account(), verdicts(&twice).account());
}

#[test]
fn the_order_of_events_changes_nothing() {
    let mut events = vec![
        started(0),
        failed(95, "0x80073712"),
        inventory(0, &[("os_build", "10.0.19045.4651")]),
    ];
    events.extend(session(
        10,
        1,
        "0x80073712 - ERROR_SXS_COMPONENT_STORE_CORRUPT",
    ));
    let forwards = verdicts(&events).account();
    events.reverse();
    assert_eq!(forwards, verdicts(&events).account());
}

#[test]
fn the_one_rollout_that_targets_a_device_names_the_update() {
    let scan = agent(
        0,
        1,
        "* END * Finding updates CallerId = UpdateOrchestrator, Id = 1, Exit code = 0x80070422",
    );
    let mut reference = Reference::default();
    reference.add_csv("rollout.csv", b"rollout_id,name,kb_article,target_builds\n2024-08,August,5041580,19045:4780;22631:4037\n").unwrap();
    reference
        .add_csv(
            "devices.csv",
            b"rollout_id,device_id,site,ring,excluded\n2024-08,test-1,Lyon,pilot,0\n",
        )
        .unwrap();
    let verdicts = judge(&[scan], &reference);
    assert_eq!(verdicts.open()[0][schema::KB_ARTICLE], "5041580");
    let device = &rows(&verdicts.0.devices)[0];
    assert_eq!(
        (device[schema::SITE].as_str(), device[schema::RING].as_str()),
        ("Lyon", "pilot")
    );
}

/// Rollouts stay in the plans: from the second month on a device is in several.
#[test]
fn of_several_rollouts_the_one_that_had_begun_last_names_the_update() {
    let mut reference = Reference::default();
    let plans = b"rollout_id,name,kb_article,release_at,started_at\n\
        2024-07,July,5040427,2024-07-09T17:00:00Z,\n\
        2024-08,August,5041580,2024-08-13T17:00:00Z,2024-08-15T00:00:00Z\n\
        2024-09,September,5043064,2024-09-10T17:00:00Z,2024-09-12T00:00:00Z\n\
        2024-08-ltsc,August too,5041999,,2024-08-15T00:00:00Z\n";
    reference.add_csv("rollout.csv", plans).unwrap();
    let lists = b"rollout_id,device_id\n2024-07,test-1\n2024-08,test-1\n2024-09,test-1\n2024-08-ltsc,test-2\n2024-08,test-2\n";
    reference.add_csv("devices.csv", lists).unwrap();
    let needs = b"kb_article,os_build_number,requires_kb,requires_min_ubr,kind\n5041580,19045,5014032,4700,ssu\n5043064,19045,5014033,4800,ssu\n";
    reference.add_csv("needs.csv", needs).unwrap();
    let scan = |second| {
        let said =
            "* END * Finding updates CallerId = UpdateOrchestrator, Id = 1, Exit code = 0x80070422";
        agent(second, 1, said)
    };
    let day = 24 * 3_600;
    // Seconds count from 20 August, 08:00.
    let named = |second: i64, device: &str, is_assumed: bool| {
        let mut scan = scan(second);
        scan.device_id = patchlens_event::DeviceId::new(device).unwrap();
        if is_assumed {
            scan.zone_source = patchlens_event::ZoneSource::Assumed;
        }
        judge(&[scan], &reference).open()[0][schema::KB_ARTICLE].clone()
    };
    assert_eq!(named(0, "TEST-1", false), "5041580");
    assert_eq!(named(-10 * day, "TEST-1", false), "5040427");
    assert_eq!(named(30 * day, "TEST-1", false), "5043064");
    assert_eq!(named(-60 * day, "TEST-1", false), "");
    // Two that began together.
    assert_eq!(named(0, "TEST-2", false), "");
    // Six hours early by a clock of which nobody knows where it stands.
    assert_eq!(named(-5 * day - 14 * 3_600, "TEST-1", false), "5040427");
    assert_eq!(named(-5 * day - 14 * 3_600, "TEST-1", true), "5041580");
    // What a device lacks, it lacks for the update that was rolled out when it was looked at.
    let lacks = |collected: &str| {
        let mut reading = inventory(0, &[("os_build", "10.0.19045.4651")]);
        reading.collected_at = collected.parse().unwrap();
        let facts = rows(&judge(&[reading], &reference).0.devices)[0][schema::FACTS].clone();
        let facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
        facts["missing_prerequisite"].as_str().map(str::to_owned)
    };
    assert_eq!(lacks("2024-08-20T00:00:00Z").as_deref(), Some("KB5014032"));
    assert_eq!(lacks("2024-09-20T00:00:00Z").as_deref(), Some("KB5014033"));
    assert_eq!(lacks("2024-07-20T00:00:00Z"), None);
    // Before the first of all, for that one.
    let mut reference = Reference::default();
    reference.add_csv("rollout.csv", plans).unwrap();
    reference
        .add_csv(
            "devices.csv",
            b"rollout_id,device_id\n2024-08,test-1\n2024-09,test-1\n",
        )
        .unwrap();
    reference.add_csv("needs.csv", needs).unwrap();
    let mut reading = inventory(0, &[("os_build", "10.0.19045.4651")]);
    reading.collected_at = "2024-08-01T00:00:00Z".parse().unwrap();
    let facts = &rows(&judge(&[reading], &reference).0.devices)[0][schema::FACTS];
    assert!(
        facts.contains(r#""missing_prerequisite":"KB5014032""#),
        "{facts}"
    );
}

#[test]
fn an_app_that_fails_does_not_take_the_update_that_is_rolled_out() {
    let mut reference = Reference::default();
    reference
        .add_csv(
            "rollout.csv",
            b"rollout_id,name,kb_article,target_builds\n2024-08,August,5041580,19045:4780\n",
        )
        .unwrap();
    reference
        .add_csv(
            "devices.csv",
            b"rollout_id,device_id,site,ring,excluded\n2024-08,test-1,Lyon,pilot,0\n",
        )
        .unwrap();
    let fails = |title: &str| {
        let values = [("errorCode", "0x80073d02"), ("updateTitle", title)];
        let app = [
            event(CLIENT, 43, 0, &[("updateTitle", title)]),
            event(CLIENT, 20, 60, &values),
        ];
        judge(&app, &reference).open()[0][schema::KB_ARTICLE].clone()
    };
    assert_eq!(fails("9WZDNCRFJ3TJ-Example.App"), "");
    assert_eq!(fails("2024-08 Update (KB5041580)"), "5041580");
}

#[test]
fn what_nothing_explains_failed_for_the_reason_of_another_attempt_with_its_code() {
    let two = |code: &str| {
        let title = |name: &'static str| [("updateTitle", name)];
        let mut events = session(0, 1, code);
        events.push(cbs(
            30,
            9,
            "Failed execution of queue item Installer: Widget Installer ({00000000-1111-2222-3333-444444444444}) with HRESULT HRESULT_FROM_WIN32(1058). Failure will not be ignored",
        ));
        let other = "2024-08 Other Update (KB5099999)";
        events.push(event(CLIENT, 43, 5 * 3_600, &title(other)));
        events.push(event(
            CLIENT,
            20,
            5 * 3_600 + 60,
            &[("errorCode", code), ("updateTitle", other)],
        ));
        verdicts(&events)
    };
    let joined = two("0x800f0991");
    assert_eq!(joined.open().len(), 1, "{}", joined.account());
    assert_eq!(joined.open()[0][schema::CULPRIT], "Widget Installer");
    // A wrapper is shared by failures that have nothing to do with each other.
    let wrapped = two("0x80240022");
    assert!(
        wrapped
            .open()
            .iter()
            .any(|row| row[schema::CAUSE] == "unknown"),
        "{}",
        wrapped.account()
    );
}

#[test]
fn frames_have_their_schemas_and_survive_the_stream() {
    let events = [
        started(0),
        failed(600, "0x80070020"),
        inventory(0, &[("os_build", "10.0.19045.4651")]),
    ];
    let normalised = frame(&events);
    assert_eq!(**normalised.schema(), schema::update_event());
    let diagnosed = diagnose(&normalised, &Reference::default(), &KNOWLEDGE).unwrap();
    assert_eq!(**diagnosed.devices.schema(), schema::device());
    assert_eq!(**diagnosed.attempts.schema(), schema::update_attempt());
    assert_eq!(**diagnosed.diagnoses.schema(), schema::diagnosis());
    assert_eq!(**diagnosed.evidence.schema(), schema::evidence());
    for mut frame in [
        normalised,
        diagnosed.attempts,
        diagnosed.diagnoses,
        diagnosed.evidence,
        diagnosed.devices,
    ] {
        let back = from_ipc_stream(&ipc_stream(&mut frame).unwrap()).unwrap();
        assert!(back.equals_missing(&frame));
    }
    let empty = frame(&[]);
    assert_eq!(**empty.schema(), schema::update_event());
    assert_eq!(
        diagnose(&empty, &Reference::default(), &KNOWLEDGE)
            .unwrap()
            .devices
            .height(),
        0
    );
    let raw = events_frame(
        &[(events[0].clone(), RowOrigin::default())],
        TRANSFORM_VERSION,
        collected_at(),
    )
    .unwrap();
    assert_eq!(**raw.schema(), schema::update_event());
}

#[test]
fn devices_judged_together_are_judged_as_alone() {
    let mut other = [started(0), failed(600, "0x80070070")];
    for event in &mut other {
        event.device_id = patchlens_event::DeviceId::new("TEST-2").unwrap();
        event.event_id = patchlens_event::EventId::from_parts(&[b"2", event.message.as_bytes()]);
    }
    let one = [started(0), failed(600, "0x80070020")];
    let together = verdicts(&[one.to_vec(), other.to_vec()].concat()).diagnoses();
    let alone = [verdicts(&one).diagnoses(), verdicts(&other).diagnoses()].concat();
    assert_eq!(together, alone);
}

/// An update of a release that the device has left needs nobody any more.
#[test]
fn a_failure_before_the_device_got_a_later_release_is_over() {
    let failed = [
        cbs(
            0,
            1,
            &format!(
                "Exec: Processing started.  Client: WindowsUpdateAgent, Session(Initiated): 1_1, Package: {PACKAGE}, Identifier: KB5041580"
            ),
        ),
        cbs(
            60,
            2,
            &format!(
                "Exec: Processing complete.  Session: 1_1, Package: {PACKAGE}, Identifier: KB5041580 [HRESULT = 0x80070020 - ERROR_SHARING_VIOLATION]"
            ),
        ),
    ];
    let open = |build: &str| {
        let mut events = failed.to_vec();
        events.push(inventory(90 * 86_400, &[("os_build", build)]));
        verdicts(&events).open().len()
    };
    assert_eq!(open("10.0.19045.1000"), 1, "the same release, and older");
    assert_eq!(open("10.0.22631.100"), 0);
}

#[test]
fn a_service_that_somebody_switched_on_again_is_not_what_was_disabled() {
    let scan = agent(
        100,
        1,
        "* END * Finding updates CallerId = UpdateOrchestrator, Id = 1, Exit code = 0x80070422",
    );
    let culprit = |new_start_type: &str| {
        let changed = event(
            "Service Control Manager",
            7040,
            0,
            &[
                ("param1", "Windows Update"),
                ("param2", "x"),
                ("param3", new_start_type),
                ("param4", "wuauserv"),
            ],
        );
        let open = verdicts(&[changed, scan.clone()]).open();
        assert_eq!(open[0][schema::CAUSE], "update-service-disabled");
        open[0][schema::CULPRIT].clone()
    };
    assert_eq!(culprit("disabled"), "wuauserv");
    assert_eq!(culprit("Deaktiviert"), "wuauserv");
    assert_ne!(culprit("auto start"), "wuauserv");
}
