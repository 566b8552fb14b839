//! The local log against a model: any order of appends, polls, cuts and restarts gives every
//! message once, in order, and every open cut back.

use std::time::Duration;

use patchlens_log::{
    Cut, Delivered, LogUrl, Reader, ReaderOptions, Retention, Writer, WriterOptions,
};
use proptest::prelude::*;

use crate::support::{cut, message, options};

#[derive(Debug, Clone)]
enum Step {
    /// Appends messages of these sizes.
    Append(Vec<u16>),
    /// Polls with this many bytes.
    Poll(u16),
    /// Records a cut of this many of the messages polled and not finished.
    Record(u8),
    Finish,
    /// The reader dies and another takes over.
    RestartReader,
    /// The writer dies and another takes over.
    RestartWriter,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(0_u16..5000, 0..6).prop_map(Step::Append),
        4 => (0_u16..20_000).prop_map(Step::Poll),
        3 => (1_u8..8).prop_map(Step::Record),
        3 => Just(Step::Finish),
        1 => Just(Step::RestartReader),
        1 => Just(Step::RestartWriter),
    ]
}

/// What should be true.
#[derive(Default)]
struct Model {
    /// Sizes of all messages; the index is the offset.
    appended: Vec<u16>,
    finished: usize,
    /// Polled by this reader and not finished.
    polled: Vec<Delivered>,
    open: Option<Cut>,
    inherited: bool,
}

impl Model {
    fn check_polled(&mut self, messages: Vec<Delivered>, bytes_max: usize) {
        let from = self.finished + self.polled.len();
        let bytes: usize = messages
            .iter()
            .map(|message| message.key.len() + message.payload.len())
            .sum();
        assert!(
            messages.len() <= 1 || bytes <= bytes_max,
            "{bytes} of {bytes_max}"
        );
        assert!(
            !messages.is_empty() || from == self.appended.len(),
            "nothing came though there is more"
        );
        for (index, message) in messages.iter().enumerate() {
            let offset = from + index;
            assert_eq!(message.offset, i64::try_from(offset).unwrap());
            assert_eq!(message.payload, payload(offset, self.appended[offset]));
        }
        self.polled.extend(messages);
    }
}

fn payload(offset: usize, size: u16) -> Vec<u8> {
    vec![u8::try_from(offset % 251).unwrap(); usize::from(size)]
}

async fn open_reader(url: &LogUrl) -> Reader {
    // Nothing finished is kept, so that deletion is at work in every case.
    let retention = Retention {
        age_max: Duration::ZERO,
        bytes_max: 0,
    };
    Reader::open(
        url,
        ReaderOptions {
            retention,
            ..options("g", "t")
        },
    )
    .await
    .unwrap()
}

async fn open_writer(url: &LogUrl) -> Writer {
    Writer::open(url, WriterOptions::default()).await.unwrap()
}

async fn run(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let url = LogUrl::local(dir.path());
    let mut model = Model::default();
    let (mut writer, mut reader) = (open_writer(&url).await, open_reader(&url).await);
    for step in steps {
        match step {
            Step::Append(sizes) => {
                let from = model.appended.len();
                let messages = sizes
                    .iter()
                    .enumerate()
                    .map(|(index, size)| message("key", payload(from + index, *size)));
                writer.append("t", messages.collect()).await.unwrap();
                model.appended.extend(sizes);
            }
            Step::Poll(bytes_max) => {
                let polled = reader
                    .poll(usize::from(bytes_max), Duration::ZERO)
                    .await
                    .unwrap();
                assert_eq!(polled.lost, []);
                model.check_polled(polled.messages, usize::from(bytes_max));
                let in_doubt = model.open.clone().filter(|_| model.inherited);
                assert_eq!(reader.in_doubt("t", 0), in_doubt);
            }
            Step::Record(count) => {
                let range = &model.polled[..model.polled.len().min(usize::from(count))];
                if range.is_empty() {
                    continue;
                }
                let wanted = cut(range);
                let allowed = model
                    .open
                    .as_ref()
                    .is_none_or(|open| open.last_offset == wanted.last_offset);
                let outcome = reader.record_cut(std::slice::from_ref(&wanted)).await;
                assert_eq!(outcome.is_ok(), allowed, "{outcome:?}");
                if allowed {
                    model.open = Some(wanted);
                }
            }
            Step::Finish => {
                let Some(open) = model.open.clone() else {
                    continue;
                };
                // A new reader owns nothing before its first poll.
                let polled = reader.poll(0, Duration::ZERO).await.unwrap();
                model.check_polled(polled.messages, 0);
                reader.finish(std::slice::from_ref(&open)).await.unwrap();
                model
                    .polled
                    .retain(|message| message.offset > open.last_offset);
                model.finished = usize::try_from(open.last_offset).unwrap() + 1;
                (model.open, model.inherited) = (None, false);
            }
            Step::RestartReader => {
                reader.close().await;
                reader = open_reader(&url).await;
                model.polled.clear();
                model.inherited = model.open.is_some();
            }
            Step::RestartWriter => {
                writer.close().await;
                writer = open_writer(&url).await;
            }
        }
    }
    // In the end everything that was not finished comes to a last reader.
    reader.close().await;
    let mut reader = open_reader(&url).await;
    model.polled.clear();
    while model.finished + model.polled.len() < model.appended.len() {
        let polled = reader.poll(usize::MAX, Duration::ZERO).await.unwrap();
        model.check_polled(polled.messages, usize::MAX);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn behaves_as_the_model(steps in prop::collection::vec(step(), 1..40)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(steps));
    }
}
