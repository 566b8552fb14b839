//! What producer, consumer and admin client have in common: configuration, errors, what they say.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use crate::{Error, Properties};

/// Starts a configuration with what the operator gave.
pub(super) fn config(brokers: &str, properties: &Properties) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("client.id", "patchlens");
    // A broker that comes back is used within seconds.
    config.set("reconnect.backoff.max.ms", "2000");
    config.set("socket.keepalive.enable", "true");
    for (key, value) in properties.iter() {
        config.set(key, value);
    }
    config.set("bootstrap.servers", brokers);
    config.set_log_level(RDKafkaLogLevel::Info);
    config
}

/// Turns a refusal of the configuration into an error that shows no secret.
pub(super) fn config_error(error: KafkaError) -> Error {
    match error {
        KafkaError::ClientConfig(_, _, key, _) if Properties::is_secret(&key) => Error::Property {
            key,
            reason: "its value is not accepted".to_owned(),
        },
        KafkaError::ClientConfig(_, reason, key, _) => Error::Property { key, reason },
        other => Error::Property {
            key: "(several)".to_owned(),
            reason: other.to_string(),
        },
    }
}

/// What an error code means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It may work later.
    Unavailable,
    /// The group has put this reader out.
    PutOut,
    /// It will not work.
    Refused,
}

pub(super) fn meaning(code: RDKafkaErrorCode) -> Meaning {
    use RDKafkaErrorCode as Code;
    match code {
        Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::Resolve
        | Code::MessageTimedOut
        | Code::OperationTimedOut
        | Code::TimedOutQueue
        | Code::WaitingForCoordinator
        | Code::QueueFull
        | Code::Retry
        | Code::WaitCache
        | Code::PurgeQueue
        | Code::PurgeInflight
        | Code::Fatal
        | Code::UnknownPartition
        | Code::UnknownTopic
        | Code::UnknownTopicOrPartition
        | Code::LeaderNotAvailable
        | Code::NotLeaderForPartition
        | Code::RequestTimedOut
        | Code::BrokerNotAvailable
        | Code::ReplicaNotAvailable
        | Code::NetworkException
        | Code::CoordinatorLoadInProgress
        | Code::CoordinatorNotAvailable
        | Code::NotCoordinator
        | Code::NotController
        | Code::NotEnoughReplicas
        | Code::NotEnoughReplicasAfterAppend
        | Code::RebalanceInProgress
        | Code::KafkaStorageError
        | Code::FencedLeaderEpoch
        | Code::UnknownLeaderEpoch
        | Code::OffsetNotAvailable
        | Code::UnstableOffsetCommit
        | Code::ThrottlingQuotaExceeded
        // A cluster whose brokers are still starting has too few of them.
        | Code::InvalidReplicationFactor => Meaning::Unavailable,
        Code::IllegalGeneration
        | Code::UnknownMemberId
        | Code::FencedInstanceId
        | Code::AssignmentLost
        | Code::PollExceeded
        | Code::Fenced => Meaning::PutOut,
        _ => Meaning::Refused,
    }
}

/// Turns a client's error into ours; what concerns a group is left to the caller.
pub(super) fn error(log: &Arc<str>, doing: &str, error: &KafkaError) -> Error {
    let code = match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    };
    let (log, doing, detail) = (Arc::clone(log), doing.to_owned(), error.to_string());
    match code.map(meaning) {
        Some(Meaning::Unavailable) => Error::Unavailable { log, doing, detail },
        _ => Error::Refused { log, doing, detail },
    }
}

/// Locks; a thread that panicked while holding the lock has left whole values behind.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears what librdkafka says: its log goes to `tracing`, and its last complaint is kept, because a
/// message that timed out does not say that the broker refused the connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Listener {
    complaint: Arc<Mutex<Option<String>>>,
}

impl Listener {
    /// Adds the last complaint to `detail`.
    pub(super) fn explain(&self, detail: &str) -> String {
        match &*lock(&self.complaint) {
            Some(complaint) => format!("{detail}; {complaint}"),
            None => detail.to_owned(),
        }
    }

    /// Forgets the last complaint: the log works.
    pub(super) fn calm(&self) {
        *lock(&self.complaint) = None;
    }

    /// Keeps and reports a complaint.
    pub(super) fn complain(&self, error: &KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka client reports trouble");
        *lock(&self.complaint) = Some(reason.to_owned());
    }
}

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        report(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.complain(&error, reason);
    }
}

/// Passes a line of librdkafka's log on.
pub(super) fn report(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error
        | RDKafkaLogLevel::Warning => {
            // Of librdkafka's errors most are attempts that it repeats; whoever waits gets an error of his own.
            tracing::warn!(facility, message, "kafka client");
        }
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(facility, message, "kafka client");
        }
        RDKafkaLogLevel::Debug => tracing::debug!(facility, message, "kafka client"),
    }
}

/// Sets what the operator has not set.
pub(super) fn set_default(config: &mut ClientConfig, key: &str, value: &str) {
    if config.get(key).is_none() {
        config.set(key, value);
    }
}
