//! Limits on how much comes in: rate for each collector, memory over all requests, size of a body.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use futures::StreamExt as _;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::GatewayConfig;
use crate::refusal::Refusal;

/// How long a request waits for memory before it is told to come back.
const MEMORY_WAIT: Duration = Duration::from_millis(500);
/// When it shall come back.
const MEMORY_RETRY: Duration = Duration::from_secs(1);

/// The limits in force.
pub(crate) struct Pressure {
    requests: DefaultKeyedRateLimiter<String>,
    kib: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
    memory: Arc<Semaphore>,
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024).max(1)).unwrap_or(u32::MAX)
}

impl Pressure {
    pub(crate) fn new(config: &GatewayConfig) -> Self {
        // A collector that was quiet may send one full request at once.
        let burst = kib(config.request_bytes_max as u64).max(config.kib_per_second);
        let kib_quota =
            Quota::per_second(at_least_one(config.kib_per_second)).allow_burst(at_least_one(burst));
        let memory = kib(config.memory_bytes_max as u64);
        Self {
            requests: RateLimiter::keyed(Quota::per_second(at_least_one(
                config.requests_per_second,
            ))),
            kib: RateLimiter::keyed(kib_quota),
            clock: DefaultClock::default(),
            memory: Arc::new(Semaphore::new(
                usize::try_from(memory)
                    .unwrap_or(usize::MAX)
                    .min(Semaphore::MAX_PERMITS),
            )),
        }
    }

    /// Counts one request of a collector.
    pub(crate) fn request(&self, collector: &str) -> Result<(), Refusal> {
        self.requests
            .check_key(&collector.to_owned())
            .map_err(|until| Refusal::TooFast(until.wait_time_from(self.clock.now())))
    }

    /// Counts bytes of a collector.
    fn bytes(&self, collector: &str, bytes: u64) -> Result<(), Refusal> {
        match self
            .kib
            .check_key_n(&collector.to_owned(), at_least_one(kib(bytes)))
        {
            Ok(Err(until)) => Err(Refusal::TooFast(until.wait_time_from(self.clock.now()))),
            // An error is more than the largest body, which is refused for its size.
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    /// Waits until a collector may send so many bytes more: slows a long upload down instead of
    /// ending it.
    pub(crate) async fn slow_down(&self, collector: &str, bytes: u64) {
        // More than the burst at once cannot happen: chunks are small.
        self.kib
            .until_key_n_ready(&collector.to_owned(), at_least_one(kib(bytes)))
            .await
            .ok();
    }

    /// Reads a body whole, within all limits. The permit stands for its memory.
    pub(crate) async fn read(
        &self,
        collector: &str,
        config: &GatewayConfig,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(Vec<u8>, OwnedSemaphorePermit), Refusal> {
        let bytes_max = config.request_bytes_max;
        let stated = content_length(headers);
        let is_plain = !headers.contains_key(header::CONTENT_ENCODING);
        if stated.is_some_and(|bytes| bytes > bytes_max as u64) {
            return Err(too_large(bytes_max));
        }
        if let Some(bytes) = stated {
            self.bytes(collector, bytes)?;
        }
        // What the body may come to is claimed before it is read.
        let claim = stated
            .filter(|_| is_plain)
            .map_or(kib(bytes_max as u64), kib);
        let permit = tokio::time::timeout(
            MEMORY_WAIT,
            Arc::clone(&self.memory).acquire_many_owned(claim),
        )
        .await;
        let Ok(Ok(mut permit)) = permit else {
            return Err(Refusal::Busy(
                "too much is being read already".to_owned(),
                MEMORY_RETRY,
            ));
        };
        let reading = collect(body, bytes_max);
        let bytes = tokio::time::timeout(config.body_wait, reading)
            .await
            .map_err(|_| Refusal::TooSlow)??;
        if stated.is_none() {
            self.bytes(collector, bytes.len() as u64)?;
        }
        let surplus = claim.saturating_sub(kib(bytes.len() as u64));
        drop(permit.split(usize::try_from(surplus).unwrap_or_default()));
        Ok((bytes, permit))
    }
}

pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn too_large(bytes_max: usize) -> Refusal {
    Refusal::TooLarge(format!(
        "the body is larger than {bytes_max} bytes after inflating: send smaller batches, or raise `gateway.request_mib_max`"
    ))
}

async fn collect(body: Body, bytes_max: usize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|error| Refusal::Malformed(format!("the body is damaged: {error}")))?;
        if bytes.len().saturating_add(chunk.len()) > bytes_max {
            return Err(too_large(bytes_max));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
