//! Rule files: those of this program, and what is refused.

use super::*;

const GOOD: &str = r#"rule = "too-many"
severity = "info"
labels = ["ring"]
title.en = "Too many"
title.zh = "过多"
summary.en = "{devices}[[ in {ring}]]"
summary.zh = "{devices}"
explanation.en = "{devices|percent}"
explanation.zh = "{devices}"
thresholds.devices_min = 3
sql = '''
SELECT ring, count() AS devices
FROM device
WHERE last_seen_at <= {as_of:DateTime64(6, 'UTC')}
GROUP BY ring
HAVING devices >= {devices_min:UInt32}
'''
"#;

#[test]
fn the_rules_of_this_program_are_in_order() {
    let rules = load(None).unwrap();
    let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "cluster-growth",
            "compliance-behind-plan",
            "devices-silent",
            "error-code-spike",
            "new-cluster",
            "new-error-code",
            "pipeline-lag",
            "pipeline-silent",
            "reject-share",
            "rollback-wave",
        ]
    );
    for rule in rules {
        assert_eq!(rule.file, format!("queries/alerts/{}.toml", rule.name));
        assert!(!rule.title.zh.is_ascii(), "{}", rule.name);
    }
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    assert!(parse("good.toml", GOOD).is_ok());
    for (from, to, line, named) in [
        ("severity = \"info\"", "severity = \"loud\"", 2, "loud"),
        (
            "severity = \"info\"",
            "severity = \"info\"\ncolour = 1",
            3,
            "colour",
        ),
        ("too-many", "Too many", 1, "hyphens"),
        ("[\"ring\"]", "[\"Ring\"]", 3, "Ring"),
        ("[\"ring\"]", "[\"severity\"]", 3, "severity"),
        ("[[ in {ring}]]", "[[ in {ring}", 6, "]]"),
        ("{devices|percent}", "{devices|loud}", 8, "{devices|loud}"),
        ("devices_min = 3", "devices_max = 3", 16, "devices_min"),
        (
            "thresholds.devices_min = 3",
            "thresholds.devices_min = 3\nthresholds.unused = 1",
            11,
            "unused",
        ),
        ("SELECT ring", "DELETE ring", 12, "SELECT"),
        (
            "GROUP BY ring",
            "GROUP BY ring;\nDROP TABLE alert",
            16,
            "second statement",
        ),
        ("{as_of:DateTime64(6, 'UTC')}", "now()", 11, "back-test"),
        ("title.en = \"Too many\"", "title.en = \"Too many", 4, ""),
        ("labels = [\"ring\"]\n", "", 1, "labels"),
        (
            "labels = [\"ring\"]",
            "labels = [\"ring\"]\nresolve_after = 0",
            4,
            "resolve_after",
        ),
        (
            "labels = [\"ring\"]",
            "labels = [\"ring\"]\ntest = { kind = \"binomial\", p_value_max = 2.0 }",
            4,
            "p_value_max",
        ),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        match parse("broken.toml", &text).unwrap_err() {
            Error::Rule {
                file,
                line: found,
                problem,
            } => {
                assert_eq!(
                    (file.as_str(), found),
                    ("broken.toml", line),
                    "{to}: {problem}"
                );
                assert!(problem.contains(named), "{to}: {problem}");
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn an_operators_rule_takes_the_place_of_a_built_in_one() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    file("a.toml", &GOOD.replace("too-many", "rollback-wave"));
    file("b.toml", GOOD);
    file("notes.txt", "no rule");
    let rules = load(Some(directory.path())).unwrap();
    assert_eq!(rules.len(), 11);
    let own = rules
        .iter()
        .find(|rule| rule.name == "rollback-wave")
        .unwrap();
    assert!(own.file.ends_with("a.toml") && own.severity == Severity::Info);
    file("c.toml", GOOD);
    let error = load(Some(directory.path())).unwrap_err().to_string();
    assert!(
        error.contains("c.toml") && error.contains("b.toml"),
        "{error}"
    );
    assert!(
        load(Some(Path::new("/nowhere")))
            .unwrap_err()
            .to_string()
            .contains("/nowhere")
    );
}
