//! Making topics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use super::client::{self, Listener};
use crate::{Error, MESSAGE_BYTES_MAX, Properties, Result};

/// How long to try before giving up on a cluster that is away.
const DEADLINE: Duration = Duration::from_mins(1);

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// Room for the batch header around the largest message.
const BATCH_OVERHEAD_BYTES: usize = 64 << 10;

/// Creates the topics that do not exist yet.
pub(crate) async fn ensure_topics(
    brokers: &str,
    properties: &Properties,
    topics: &[(&str, u16)],
) -> Result<()> {
    let log: Arc<str> = brokers.into();
    let listener = Listener::default();
    let admin: AdminClient<Listener> = client::config(brokers, properties)
        .create_with_context(listener.clone())
        .map_err(client::config_error)?;
    let mut missing: BTreeMap<&str, u16> = topics.iter().copied().collect();
    let deadline = Instant::now() + DEADLINE;
    loop {
        let outcome = create(&admin, &log, &mut missing).await;
        match outcome {
            Ok(()) => return Ok(()),
            Err(error) if error.is_retryable() && Instant::now() + PAUSE < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(Error::Unavailable { log, doing, detail }) => {
                return Err(Error::Unavailable {
                    log,
                    doing,
                    detail: listener.explain(&detail),
                });
            }
            Err(error) => return Err(error),
        }
    }
}

/// One attempt. What exists afterwards is taken out of `missing`.
async fn create(
    admin: &AdminClient<Listener>,
    log: &Arc<str>,
    missing: &mut BTreeMap<&str, u16>,
) -> Result<()> {
    let message_bytes_max = (MESSAGE_BYTES_MAX + BATCH_OVERHEAD_BYTES).to_string();
    let new_topics: Vec<_> = missing
        .iter()
        .map(|(name, partitions)| {
            // -1: as many replicas as the cluster's default says.
            NewTopic::new(
                name,
                i32::from((*partitions).max(1)),
                TopicReplication::Fixed(-1),
            )
            .set("max.message.bytes", &message_bytes_max)
            .set("message.timestamp.type", "LogAppendTime")
        })
        .collect();
    if new_topics.is_empty() {
        return Ok(());
    }
    let options = AdminOptions::new()
        .request_timeout(Some(ATTEMPT))
        .operation_timeout(Some(ATTEMPT));
    let outcomes = admin.create_topics(&new_topics, &options).await;
    let mut first_error = None;
    for outcome in outcomes.map_err(|error| client::error(log, "create topics", &error))? {
        match outcome {
            Ok(name) | Err((name, RDKafkaErrorCode::TopicAlreadyExists)) => {
                missing.remove(name.as_str());
            }
            Err((name, code)) => {
                let error = client::error(
                    log,
                    &format!("create topic {name}"),
                    &KafkaError::AdminOp(code),
                );
                // One that will not work matters more than one that may.
                if first_error.as_ref().is_none_or(Error::is_retryable) {
                    first_error = Some(error);
                }
            }
        }
    }
    first_error.map_or(Ok(()), Err)
}
