//! The spool with real local logs at both ends.

use std::sync::Arc;
use std::time::Duration;

use patchlens_event::EVENTS_TOPIC;
use patchlens_log::{LogUrl, Message, Reader, ReaderOptions, Writer, WriterOptions};

use super::spool::front;
use super::*;

/// A real log that is away when a test says so.
struct Sometimes {
    log: Arc<Writer>,
    is_away: bool,
    appended: usize,
}

impl Destination for Sometimes {
    async fn append(&mut self, topic: &str, messages: Vec<Message>) -> Result<(), ShipError> {
        if self.is_away {
            return Err(ShipError::Away {
                destination: self.name(),
                detail: "a test took it away".to_owned(),
                retry_after: Some(Duration::from_millis(1)),
            });
        }
        if messages.iter().any(|message| message.payload == BAD) {
            return Err(ShipError::Refused {
                destination: self.name(),
                detail: "403: not this one".to_owned(),
                is_for_content: true,
            });
        }
        self.appended += messages.len();
        self.log.append(topic, messages).await
    }

    fn name(&self) -> String {
        "sometimes".to_owned()
    }
}

/// What it never takes.
const BAD: &[u8] = b"666";

async fn sometimes(dir: &std::path::Path) -> Sometimes {
    let writer = Writer::open(&LogUrl::local(dir), WriterOptions::default())
        .await
        .unwrap();
    Sometimes {
        log: Arc::new(writer),
        is_away: false,
        appended: 0,
    }
}

fn options(dir: &std::path::Path) -> SpoolOptions {
    SpoolOptions {
        dir: dir.join("spool"),
        bytes_max: 8 << 20,
        wait: Duration::ZERO,
    }
}

fn message(number: usize) -> Vec<Message> {
    vec![Message {
        key: "YR-1".to_owned(),
        payload: number.to_string().into_bytes(),
    }]
}

async fn arrived(dir: &std::path::Path) -> Vec<usize> {
    let mut reader = Reader::open(
        &LogUrl::local(dir),
        ReaderOptions::new("test", [EVENTS_TOPIC]),
    )
    .await
    .unwrap();
    let mut numbers = Vec::new();
    loop {
        let polled = reader.poll(1 << 20, Duration::ZERO).await.unwrap();
        if polled.messages.is_empty() {
            return numbers;
        }
        let number = |payload: &[u8]| {
            std::str::from_utf8(payload)
                .unwrap()
                .parse::<usize>()
                .unwrap()
        };
        numbers.extend(polled.messages.iter().map(|m| number(&m.payload)));
    }
}

#[tokio::test]
async fn what_is_kept_goes_first_and_in_order_when_the_way_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let end = dir.path().join("end");
    let mut spooled = Spooled::open(sometimes(&end).await, options(dir.path()))
        .await
        .unwrap();
    spooled.append(EVENTS_TOPIC, message(0)).await.unwrap();
    assert!(!dir.path().join("spool").exists(), "made without need");
    spooled.destination.is_away = true;
    for number in 1..5 {
        spooled.append(EVENTS_TOPIC, message(number)).await.unwrap();
    }
    assert_eq!(spooled.state().await.unwrap(), SpoolState::Waiting(4));
    spooled.close().await;

    // Another process, later.
    let mut spooled = Spooled::open(sometimes(&end).await, options(dir.path()))
        .await
        .unwrap();
    spooled.append(EVENTS_TOPIC, message(5)).await.unwrap();
    let left = spooled.drain(Duration::from_secs(10)).await.unwrap();
    assert_eq!(left, SpoolState::Empty);
    spooled.append(EVENTS_TOPIC, message(6)).await.unwrap();
    assert_eq!(spooled.destination.appended, 6);
    assert_eq!(arrived(&end).await, [0, 1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_full_spool_refuses_and_keeps_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let end = dir.path().join("end");
    let small = SpoolOptions {
        bytes_max: 1 << 20,
        ..options(dir.path())
    };
    let mut spooled = Spooled::open(sometimes(&end).await, small).await.unwrap();
    spooled.destination.is_away = true;
    let large = |number: usize| {
        let mut payload = number.to_string().into_bytes();
        payload.resize(100 << 10, b' ');
        vec![Message {
            key: "YR-1".to_owned(),
            payload,
        }]
    };
    let mut kept = 0;
    let error = loop {
        match spooled.append(EVENTS_TOPIC, large(kept)).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 20, "no limit");
    };
    assert!(matches!(error, ShipError::SpoolFull { .. }), "{error}");
    assert!(error.to_string().contains("sometimes"), "{error}");
    assert!(kept > 3, "{kept}");
    spooled.destination.is_away = false;
    assert_eq!(
        spooled.drain(Duration::from_secs(10)).await.unwrap(),
        SpoolState::Empty
    );
    assert_eq!(spooled.destination.appended, kept);
    // What was refused fits now.
    spooled.append(EVENTS_TOPIC, large(kept)).await.unwrap();
    assert_eq!(spooled.destination.appended, kept + 1);
}

#[tokio::test]
async fn a_range_that_was_acknowledged_is_not_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let end = dir.path().join("end");
    let mut spooled = Spooled::open(sometimes(&end).await, options(dir.path()))
        .await
        .unwrap();
    spooled.destination.is_away = true;
    for number in 0..3 {
        spooled.append(EVENTS_TOPIC, message(number)).await.unwrap();
    }
    // As a process killed between recording and finishing leaves it: the first two are acknowledged.
    let log = spooled.log.as_mut().unwrap();
    while log.held.is_empty() {
        let polled = log.reader.poll(1 << 20, LOOK_FOR_TESTS).await.unwrap();
        log.held.extend(polled.messages);
    }
    let mut cut = front(&log.held, usize::MAX).unwrap().0;
    cut.last_offset = cut.first_offset + 1;
    log.reader.record_cut(&[cut]).await.unwrap();
    spooled.close().await;

    let mut spooled = Spooled::open(sometimes(&end).await, options(dir.path()))
        .await
        .unwrap();
    spooled.drain(Duration::from_secs(10)).await.unwrap();
    assert_eq!(arrived(&end).await, [2]);
}

const LOOK_FOR_TESTS: Duration = Duration::from_millis(200);

#[tokio::test]
async fn what_is_refused_is_set_aside_and_nothing_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let end = dir.path().join("end");
    let mut spooled = Spooled::open(sometimes(&end).await, options(dir.path()))
        .await
        .unwrap();
    spooled.destination.is_away = true;
    for number in [666, 1, 2, 666, 3] {
        spooled.append(EVENTS_TOPIC, message(number)).await.unwrap();
    }
    spooled.destination.is_away = false;
    let left = spooled.drain(Duration::from_secs(10)).await.unwrap();
    assert_eq!(left, SpoolState::Empty);
    // The same message twice is the same file.
    assert_eq!(spooled.set_aside(), 2);
    let files: Vec<_> = std::fs::read_dir(spooled.refused_dir())
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert_eq!(files, [BAD]);
    // On the straight way as well: those around it are taken.
    let batch = [4, 666, 5].into_iter().flat_map(message).collect();
    spooled.append(EVENTS_TOPIC, batch).await.unwrap();
    spooled.drain(Duration::from_secs(10)).await.unwrap();
    spooled.close().await;
    assert_eq!(arrived(&end).await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_spool_takes_as_much_of_a_large_append_as_there_is_room_for() {
    let dir = tempfile::tempdir().unwrap();
    let small = SpoolOptions {
        bytes_max: 1 << 20,
        ..options(dir.path())
    };
    let end = dir.path().join("end");
    let mut spooled = Spooled::open(sometimes(&end).await, small).await.unwrap();
    spooled.destination.is_away = true;
    let large: Vec<Message> = (0..40)
        .map(|number| Message {
            key: "YR-1".to_owned(),
            payload: format!("{number:<50000}").repeat(2).into_bytes(),
        })
        .collect();
    let error = spooled.append(EVENTS_TOPIC, large).await.unwrap_err();
    assert!(matches!(error, ShipError::SpoolFull { .. }), "{error}");
    let SpoolState::Waiting(kept) = spooled.state().await.unwrap() else {
        panic!("nothing was kept");
    };
    assert!(kept >= 4, "{kept}");
}
