//! Appending: an idempotent producer, and every delivery report awaited.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;

use super::client::{self, Listener, lock};
use crate::{Error, Message, Properties, Result, WriterOptions};

/// What a request holds beside one message's key and payload.
const REQUEST_OVERHEAD_BYTES: usize = 64 << 10;

/// How long to wait before looking again whether the send buffer, filled by other appends, has room.
const BUFFER_PAUSE: Duration = Duration::from_millis(20);

/// How long the cluster has to answer whether it is there.
const CHECK_WAIT: Duration = Duration::from_secs(3);

type Client = FutureProducer<Listener>;

/// Appends to Kafka.
pub(crate) struct KafkaWriter {
    log: Arc<str>,
    config: ClientConfig,
    options: WriterOptions,
    listener: Listener,
    /// Replaced after a fatal error, which a producer does not survive.
    client: Mutex<Client>,
}

impl std::fmt::Debug for KafkaWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaWriter")
            .field("log", &self.log)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl KafkaWriter {
    pub(crate) fn open(
        brokers: &str,
        properties: &Properties,
        options: WriterOptions,
    ) -> Result<Self> {
        let mut config = client::config(brokers, properties);
        config.set("enable.idempotence", "true");
        config.set("acks", "all");
        // The deadline of librdkafka's own retries, which keep the order of messages.
        config.set(
            "message.timeout.ms",
            options.deadline.as_millis().max(1).to_string(),
        );
        config.set(
            "message.max.bytes",
            (options.message_bytes_max + REQUEST_OVERHEAD_BYTES).to_string(),
        );
        config.set(
            "queue.buffering.max.kbytes",
            (options.buffer_bytes_max / 1024).max(1).to_string(),
        );
        // The same partition for a key as Java clients choose.
        client::set_default(&mut config, "partitioner", "murmur2_random");
        client::set_default(&mut config, "compression.type", "lz4");
        client::set_default(&mut config, "linger.ms", "2");
        let listener = Listener::default();
        let client = create(&config, &listener)?;
        Ok(Self {
            log: brokers.into(),
            config,
            options,
            listener,
            client: Mutex::new(client),
        })
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.log
    }

    pub(crate) async fn append(&self, topic: &str, messages: &[Message]) -> Result<()> {
        let client = lock(&self.client).clone();
        let mut batch = Batch {
            client: &client,
            reports: VecDeque::with_capacity(messages.len()),
            delivered: 0,
            failure: None,
        };
        let deadline = Instant::now() + self.options.deadline;
        for message in messages {
            batch.enqueue(topic, message, deadline).await;
            if batch.failure.is_some() {
                break;
            }
        }
        // All reports are awaited after a failure too: what is still on its way when this returns
        // could overtake the caller's next attempt. The reports come within the deadline.
        while batch.settle_oldest().await {}
        match batch.failure {
            None => {
                self.listener.calm();
                Ok(())
            }
            Some((error, bytes)) => Err(self.failed(
                topic,
                &error,
                bytes,
                &format!("{} of {}", batch.delivered, messages.len()),
            )),
        }
    }

    /// Asks the cluster for its metadata.
    pub(crate) async fn check(&self) -> Result<()> {
        let client = lock(&self.client).clone();
        let log = Arc::clone(&self.log);
        let listener = self.listener.clone();
        let asking = tokio::task::spawn_blocking(move || {
            // Blocks for as long as the cluster does not answer.
            client.client().fetch_metadata(None, CHECK_WAIT)
        });
        let doing = "ask for its metadata";
        match asking.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(match client::error(&log, doing, &error) {
                Error::Unavailable { log, doing, detail } => Error::Unavailable {
                    log,
                    doing,
                    detail: listener.explain(&detail),
                },
                other => other,
            }),
            Err(_) => Err(Error::Stopped { log }),
        }
    }

    /// Explains a failed append, and replaces a producer that has ended.
    fn failed(&self, topic: &str, error: &KafkaError, bytes: usize, delivered: &str) -> Error {
        let log = Arc::clone(&self.log);
        let code = error.rdkafka_error_code();
        if code == Some(RDKafkaErrorCode::Fatal) {
            match create(&self.config, &self.listener) {
                Ok(client) => *lock(&self.client) = client,
                Err(error) => tracing::error!(%error, %log, "could not replace the kafka producer"),
            }
        }
        let doing = format!("append to topic {topic} ({delivered} messages acknowledged)");
        match client::error(&log, &doing, error) {
            Error::Unavailable { log, doing, detail } => Error::Unavailable {
                log,
                doing,
                detail: self.listener.explain(&detail),
            },
            Error::Refused { log, doing, .. }
                if code == Some(RDKafkaErrorCode::MessageSizeTooLarge) =>
            {
                let detail = format!(
                    "a message of {bytes} bytes is larger than the topic's max.message.bytes: raise that, or split the message"
                );
                Error::Refused { log, doing, detail }
            }
            other => other,
        }
    }
}

/// The messages of one append that are under way, oldest first.
struct Batch<'a> {
    client: &'a Client,
    /// Each with the size of its message.
    reports: VecDeque<(DeliveryFuture, usize)>,
    delivered: usize,
    /// The first failure, with the size of its message.
    failure: Option<(KafkaError, usize)>,
}

impl Batch<'_> {
    /// Hands one message to the producer; waits while its buffer is full.
    async fn enqueue(&mut self, topic: &str, message: &Message, deadline: Instant) {
        let bytes = message.key.len() + message.payload.len();
        let mut record = FutureRecord::to(topic)
            .key(message.key.as_str())
            .payload(message.payload.as_slice());
        loop {
            match self.client.send_result(record) {
                Ok(report) => return self.reports.push_back((report, bytes)),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if Instant::now() < deadline =>
                {
                    record = back;
                    if !self.settle_oldest().await {
                        tokio::time::sleep(BUFFER_PAUSE).await;
                    }
                }
                Err((error, _)) => return self.fail(error, bytes),
            }
        }
    }

    /// Awaits the oldest report. False when there is none.
    async fn settle_oldest(&mut self) -> bool {
        let Some((report, bytes)) = self.reports.pop_front() else {
            return false;
        };
        match report.await {
            Ok(Ok(_)) => self.delivered += 1,
            Ok(Err((error, _))) => self.fail(error, bytes),
            Err(_canceled) => self.fail(KafkaError::Canceled, bytes),
        }
        true
    }

    fn fail(&mut self, error: KafkaError, bytes: usize) {
        self.failure.get_or_insert((error, bytes));
    }
}

fn create(config: &ClientConfig, listener: &Listener) -> Result<Client> {
    config
        .create_with_context(listener.clone())
        .map_err(client::config_error)
}
