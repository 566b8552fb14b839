//! The JSON Schemas in docs/schema are generated from the types; `PATCHLENS_BLESS=1` rewrites them.

use std::path::Path;

use crate::commands::{AlertReport, CodeReport, DemoReport, DiagnoseReport, EvaluationReport};

fn check(name: &str, schema: &schemars::Schema) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs/schema")
        .join(name);
    let generated = serde_json::to_value(schema).unwrap();
    if std::env::var_os("PATCHLENS_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(
            &path,
            serde_json::to_string_pretty(&generated).unwrap() + "\n",
        )
        .unwrap();
    }
    let committed: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(
        committed, generated,
        "{name} is stale: run with PATCHLENS_BLESS=1 and review the difference"
    );
}

#[test]
fn the_committed_schemas_are_current() {
    check("diagnose.v1.json", &schemars::schema_for!(DiagnoseReport));
    check("evaluate.v1.json", &schemars::schema_for!(EvaluationReport));
    check(
        "inspect.v1.json",
        &schemars::schema_for!(patchlens_ingest::inspect::InspectReport),
    );
    check("code.v1.json", &schemars::schema_for!(CodeReport));
    check("demo.v1.json", &schemars::schema_for!(DemoReport));
    check("alert.v1.json", &schemars::schema_for!(AlertReport));
    check(
        "webhook.v1.json",
        &schemars::schema_for!(patchlens_alert::sink::WebhookBody),
    );
    check(
        "gateway-events.v1.json",
        &schemars::schema_for!(patchlens_gateway::EventsAnswer),
    );
    check(
        "gateway-bundle.v1.json",
        &schemars::schema_for!(patchlens_gateway::Upload),
    );
}
