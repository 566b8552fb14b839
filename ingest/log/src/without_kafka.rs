//! Stands in for the Kafka client where the crate is built without it: opening says what to do instead.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crate::position::Step;
use crate::{
    Cut, Error, Message, PartitionLag, Polled, Properties, ReaderOptions, Result, WriterOptions,
};

fn refusal(brokers: &str) -> Error {
    Error::Address {
        address: format!("kafka://{brokers}"),
        reason: "this edition of patchlens has no Kafka client; send to a gateway (--to https://…)"
            .to_owned(),
    }
}

/// There is none.
#[derive(Debug)]
pub(crate) struct KafkaWriter(Infallible);

impl KafkaWriter {
    pub(crate) fn open(brokers: &str, _: &Properties, _: WriterOptions) -> Result<Self> {
        Err(refusal(brokers))
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        match self.0 {}
    }

    pub(crate) async fn append(&self, _: &str, _: &[Message]) -> Result<()> {
        match self.0 {}
    }

    pub(crate) async fn check(&self) -> Result<()> {
        match self.0 {}
    }
}

/// There is none.
#[derive(Debug)]
pub(crate) struct KafkaReader(Infallible);

impl KafkaReader {
    pub(crate) fn open(brokers: &str, _: &Properties, _: ReaderOptions) -> Result<Self> {
        Err(refusal(brokers))
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        match self.0 {}
    }

    pub(crate) async fn poll(&mut self, _: usize, _: Duration) -> Result<Polled> {
        match self.0 {}
    }

    pub(crate) fn in_doubt(&self, _: &str, _: i32) -> Option<Cut> {
        match self.0 {}
    }

    pub(crate) async fn step(&mut self, _: Step, _: &[Cut]) -> Result<()> {
        match self.0 {}
    }

    pub(crate) async fn lag(&mut self) -> Result<Vec<PartitionLag>> {
        match self.0 {}
    }

    pub(crate) async fn close(self) {
        match self.0 {}
    }
}

pub(crate) async fn ensure_topics(brokers: &str, _: &Properties, _: &[(&str, u16)]) -> Result<()> {
    Err(refusal(brokers))
}
