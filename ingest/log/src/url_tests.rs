#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn parse(text: &str) -> LogUrl {
    text.parse().unwrap()
}

#[test]
fn every_spelling_of_an_address() {
    for (text, shown) in [
        ("kafka://a", "kafka://a:9092"),
        ("kafka://a:1,b_c.example/", "kafka://a:1,b_c.example:9092"),
        (
            "kafka://[::1]:9093,[fe80::1]/t.v1?client.id=x",
            "kafka://[::1]:9093,[fe80::1]:9092/t.v1",
        ),
        ("local:/var/log", "local:/var/log"),
        ("local:///var/log", "local:/var/log"),
        ("local:data/log", "local:data/log"),
        ("data/log", "local:data/log"),
        ("C:\\data", "local:C:\\data"),
    ] {
        assert_eq!(parse(text).to_string(), shown, "{text}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_a_reason() {
    for (text, reason) in [
        ("", "no directory"),
        ("local:", "no directory"),
        ("http://gateway:8080", "scheme"),
        ("kafka://", "host"),
        ("kafka://a:0", "host"),
        ("kafka://a:70000", "host"),
        ("kafka://a,,b", "host"),
        ("kafka://a b", "host"),
        ("kafka://[::1", "host"),
        ("kafka://a/t?x", "name=value"),
        ("kafka://a/no/such", "cannot name a topic"),
        ("kafka://a/?acks=0", "acks"),
        ("kafka://a/?enable.idempotence=false", "enable.idempotence"),
    ] {
        let error = text.parse::<LogUrl>().unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn secrets_are_refused_in_addresses_and_never_shown() {
    for text in [
        "kafka://me:hunter2@a",
        "kafka://a/?sasl.password=hunter2",
        "kafka://a/?ssl.key.pem=hunter2",
    ] {
        let error = text.parse::<LogUrl>().unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{text}: {error:?}"
        );
    }
    let url = parse("kafka://a?security.protocol=SASL_SSL")
        .with_properties([("sasl.password", "hunter2")])
        .unwrap();
    assert!(format!("{url:?}").contains("sasl.password"));
    assert!(!format!("{url} {url:?}").contains("hunter2"), "{url:?}");
}

#[test]
fn a_local_log_takes_no_properties() {
    assert!(parse("data").with_properties([("client.id", "x")]).is_err());
}
