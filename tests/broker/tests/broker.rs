//! The broker itself, and that a missing one is told apart from a failing one.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::TcpStream;

use patchlens_test_broker::{Broker, BrokerOptions};

#[test]
fn starts_stops_and_starts_again_on_the_same_port() {
    let Some(mut broker) = Broker::start_or_skip(&BrokerOptions::default()) else {
        return;
    };
    let address = broker.bootstrap();
    TcpStream::connect(&address).unwrap();
    broker.stop();
    assert!(TcpStream::connect(&address).is_err());
    broker.restart().unwrap();
    assert_eq!(broker.bootstrap(), address);
    TcpStream::connect(&address).unwrap();
}

#[test]
fn a_broker_that_refuses_its_settings_says_so() {
    let settings = vec![("broker.heartbeat.interval.ms".to_owned(), "soon".to_owned())];
    let Err(error) = Broker::start(&BrokerOptions {
        settings,
        ..BrokerOptions::default()
    }) else {
        panic!("started")
    };
    if !error.is_missing_prerequisite() {
        assert!(
            error.to_string().contains("broker.heartbeat.interval.ms"),
            "{error}"
        );
    }
}
