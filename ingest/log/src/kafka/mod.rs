//! The log in Kafka, through librdkafka.

mod assignment;
mod client;
mod cut_note;
mod pump;
mod reader;
mod rebalance;
mod topics;
mod writer;

pub(crate) use reader::KafkaReader;
pub(crate) use topics::ensure_topics;
pub(crate) use writer::KafkaWriter;
