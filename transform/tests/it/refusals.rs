//! What is not well formed is refused, with its place.

use patchlens_transform::{Knowledge, Reference};

#[test]
fn reference_data_with_a_mistake_is_refused_with_its_line() {
    let mut reference = Reference::default();
    let refused = |reference: &mut Reference, text: &str| {
        reference
            .add_csv("x.csv", text.as_bytes())
            .unwrap_err()
            .to_string()
    };
    let header = "kb_article,os_build_number,requires_kb,requires_min_ubr,kind\n";
    assert_eq!(
        refused(
            &mut reference,
            &format!("{header}5041580,19041,5014032,1741,ssu\n5041580,19041,5014032,many,ssu\n")
        ),
        "x.csv:3: requires_min_ubr is \"many\": expected a number"
    );
    assert!(
        refused(
            &mut reference,
            "kb_article,file_name,sha256\n5041580,a.msu,123\n"
        )
        .contains("x.csv:2: sha256 is \"123\": expected 64 hexadecimal digits")
    );
    assert_eq!(
        reference,
        Reference::default(),
        "nothing of a refused file is kept"
    );
    assert_eq!(reference.add_csv("y.csv", b"a,b\n1,2\n").unwrap(), None);
}

#[test]
fn plans_that_contradict_themselves_are_refused_and_what_was_taken_before_stays() {
    let rollouts = "rollout_id,name,kb_article,started_at,deadline_at\n\
        aug,August,5041580,2024-08-15T00:00:00Z,2024-08-29T00:00:00Z\naug,August,5041580,2024-08-15T00:00:00Z,2024-08-29T00:00:00Z\n";
    let devices = "rollout_id,device_id,site\naug,PC-1,North\naug,pc-1,North\n";
    let mut plan = Reference::default();
    plan.add_csv("r.csv", rollouts.as_bytes()).unwrap();
    plan.add_csv("d.csv", devices.as_bytes()).unwrap();
    assert_eq!(
        (plan.rollouts.len(), plan.rollout_devices.rows().len()),
        (1, 1)
    );
    assert!(plan.undefined_rollouts().is_empty());
    for (text, line) in [
        (
            "rollout_id,device_id,site\naug,PC-2,North\naug,PC-1,South\n",
            "x.csv:3: device_id is \"PC-1\": expected each device once",
        ),
        (
            "rollout_id,name,kb_article\naug,August,5043064\n",
            "x.csv:2: rollout_id is \"aug\": expected each rollout once",
        ),
        (
            "rollout_id,name,kb_article,started_at,deadline_at\nsep,S,5043064,2024-09-15T00:00:00Z,2024-09-01T00:00:00Z\n",
            "x.csv:2: deadline_at is \"2024-09-01T00:00:00Z\": expected a time after started_at",
        ),
    ] {
        let mut strict = plan.clone();
        let refused = strict.add_csv("x.csv", text.as_bytes()).unwrap_err();
        assert!(refused.to_string().contains(line), "{refused}");
        assert_eq!(strict, plan, "nothing of a refused file is kept");
        plan.clone().add_kept_csv("x.csv", text.as_bytes()).unwrap();
    }
    plan.add_csv("e.csv", b"rollout_id,device_id\noct,PC-1\n")
        .unwrap();
    assert_eq!(plan.undefined_rollouts(), ["oct"]);
}

#[test]
fn every_mistake_of_a_file_is_listed() {
    let text = "kb_article,file_name,sha256\nbanana,a.msu,123\n5041580,,9\n1,2\n";
    let refused = Reference::default()
        .add_csv("plan/x.csv", text.as_bytes())
        .unwrap_err()
        .to_string();
    let lines: Vec<&str> = refused.lines().collect();
    assert_eq!(lines.len(), 3, "{refused}");
    assert!(
        lines[0].starts_with("plan/x.csv:2: kb_article is \"banana\""),
        "{refused}"
    );
    assert!(
        lines[1].starts_with("plan/x.csv:3: file_name is \"\": expected a text"),
        "{refused}"
    );
    assert!(lines[2].starts_with("plan/x.csv:4: "), "{refused}");
}

#[test]
fn what_a_spreadsheet_saves_is_read() {
    let rows = "rollout_id,device_id,site\nr1,PC-01,Zürich\n";
    let semicolons = rows.replace(',', ";");
    let tabs = rows.replace(',', "\t");
    let utf16 = |text: &str| -> Vec<u8> {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    for bytes in [
        rows.as_bytes().to_vec(),
        [b"\xEF\xBB\xBF", semicolons.as_bytes()].concat(),
        utf16(&tabs),
        utf16(&semicolons.replace('\n', "\r\n")),
    ] {
        let mut reference = Reference::default();
        assert!(
            reference.add_csv("x.csv", &bytes).unwrap().is_some(),
            "{bytes:?}"
        );
        assert_eq!(reference.rollout_devices.rows()[0].site, "Zürich");
    }
}

#[test]
fn knowledge_with_a_mistake_is_refused_with_file_and_line() {
    let codes = "code,symbol,family,wrapper,phase,meaning_en,meaning_zh,documented_in\n";
    let signals = "signal = []\n";
    let cause = |text: &str| {
        Knowledge::from_texts(codes, signals, &[("causes/x.toml".to_owned(), text)])
            .unwrap_err()
            .to_string()
    };
    let head = "cause = \"x\"\nalert_subtype = \"A\"\nsummary_en = \"a\"\nsummary_zh = \"b\"\nactions_en = []\nactions_zh = []\n[[rule]]\nid = \"r\"\nconfidence = 0.5\n";
    assert!(
        cause(&format!("{head}codes = [\"banana\"]\n"))
            .starts_with("causes/x.toml:10: \"banana\" is not an error code")
    );
    assert_eq!(
        cause(head),
        "causes/x.toml:8: the rule asks for nothing: it would hold for every failed attempt"
    );
    assert!(
        cause(&format!("{head}[[rule.evidence]]\nregex = \"(\"\n"))
            .starts_with("causes/x.toml:11: not a regular expression")
    );
    assert!(
        cause(&format!("{head}colour = 1\n")).contains("causes/x.toml:10: unknown field `colour`")
    );
    assert!(
        cause(&head.replace("\"x\"", "\"y\""))
            .starts_with("causes/x.toml:1: the cause must have the file's name, x")
    );
    let refused = Knowledge::from_texts(
        &format!("{codes}0x80070005,E,win32,no,,a,b,c\n0x80070005,E,win32,no,,a,b,c\n"),
        signals,
        &[],
    )
    .unwrap_err()
    .to_string();
    assert_eq!(refused, "codes.csv:3: 0x80070005 stands twice");
}

#[test]
fn an_operators_file_adds_a_cause_or_replaces_one_and_is_refused_with_its_line() {
    let cause = "cause = \"own-agent\"\nalert_subtype = \"InstallIssue\"\nsummary_en = \"a\"\nsummary_zh = \"b\"\nactions_en = []\nactions_zh = []\n[[rule]]\nid = \"r\"\nconfidence = 0.9\ncodes = [\"0x80aa1234\"]\n";
    let file = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
    let knowledge = Knowledge::with_additions(&file("/etc/own/own-agent.toml", cause)).unwrap();
    let builtin = Knowledge::builtin().unwrap();
    assert_eq!(
        knowledge.cause_ids().count(),
        builtin.cause_ids().count() + 1
    );
    let replaced = cause.replace("own-agent", "servicing-timeout");
    let knowledge = Knowledge::with_additions(&file("servicing-timeout.toml", &replaced)).unwrap();
    assert_eq!(knowledge.cause_ids().count(), builtin.cause_ids().count());
    let codes = "code,symbol,family,wrapper,phase,meaning_en,meaning_zh,documented_in\n0x80aa1234,OWN_E_AGENT,own,no,,Our agent.,我们的代理。,https://example.com\n";
    let knowledge = Knowledge::with_additions(&file("codes.csv", codes)).unwrap();
    assert_eq!(
        knowledge
            .codes()
            .by_symbol("own_e_agent")
            .map(|code| code.0),
        Some(0x80aa_1234)
    );
    let refused = |name: &str, text: &str| {
        Knowledge::with_additions(&file(name, text))
            .unwrap_err()
            .to_string()
    };
    assert!(
        refused(
            "/etc/own/own-agent.toml",
            &cause.replace("confidence = 0.9", "confidence = 9")
        )
        .starts_with("/etc/own/own-agent.toml:9: confidence must lie")
    );
    assert!(
        refused("codes.csv", &codes.replace(",no,", ",maybe,"))
            .starts_with("codes.csv:2: wrapper is")
    );
    assert!(
        refused("signals.toml", "[[signal]]\nsource = [\"moon\"]\n")
            .starts_with("signals.toml:2: \"moon\" is not a known source")
    );
}
