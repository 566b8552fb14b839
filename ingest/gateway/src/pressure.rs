//! Limits on how much comes in: rate for each collector, memory over all requests, size of a body.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
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
    memory_of: Shares,
    bundles: Arc<Semaphore>,
    bundles_of: Shares,
}

/// The part of a room that one collector may take, so that there is always some for the others.
struct Shares {
    each: usize,
    taken: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Shares {
    fn of(all: usize, at_least: usize) -> Self {
        Self {
            each: all.div_ceil(2).max(at_least).min(Semaphore::MAX_PERMITS),
            taken: Mutex::default(),
        }
    }

    fn share(&self, collector: &str) -> Arc<Semaphore> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // Collectors are as many as tokens.
        let share = taken.entry(collector.to_owned());
        Arc::clone(share.or_insert_with(|| Arc::new(Semaphore::new(self.each))))
    }
}

/// Room that a request takes, of the whole and of its collector's share.
#[derive(Debug)]
pub(crate) struct Room {
    whole: OwnedSemaphorePermit,
    share: OwnedSemaphorePermit,
}

impl Room {
    /// Gives back what is not needed.
    fn give_back(&mut self, count: usize) {
        drop(self.whole.split(count));
        drop(self.share.split(count));
    }
}

/// How a body was sent, before anything was inflated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AsSent {
    bytes: Option<u64>,
    is_plain: bool,
}

impl AsSent {
    /// Reads it from headers that nobody has changed yet.
    pub(crate) fn new(headers: &HeaderMap) -> Self {
        Self {
            bytes: content_length(headers),
            is_plain: !headers.contains_key(header::CONTENT_ENCODING),
        }
    }
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
        let whole = |bytes| usize::try_from(kib(bytes)).unwrap_or(usize::MAX);
        let memory = whole(config.memory_bytes_max as u64).min(Semaphore::MAX_PERMITS);
        let request = whole(config.request_bytes_max as u64);
        Self {
            requests: RateLimiter::keyed(Quota::per_second(at_least_one(
                config.requests_per_second,
            ))),
            kib: RateLimiter::keyed(kib_quota),
            clock: DefaultClock::default(),
            memory: Arc::new(Semaphore::new(memory)),
            memory_of: Shares::of(memory, request),
            bundles: Arc::new(Semaphore::new(config.bundles_max)),
            bundles_of: Shares::of(config.bundles_max, 1),
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

    /// Takes the turn of one bundle, if there is one left for this collector.
    pub(crate) fn bundle(&self, collector: &str) -> Option<Room> {
        let share = self.bundles_of.share(collector).try_acquire_owned().ok()?;
        let whole = Arc::clone(&self.bundles).try_acquire_owned().ok()?;
        Some(Room { whole, share })
    }

    async fn memory(&self, collector: &str, kib: u32) -> Option<Room> {
        let room = async {
            let share = self.memory_of.share(collector);
            let share = share.acquire_many_owned(kib).await.ok()?;
            let whole = Arc::clone(&self.memory);
            let whole = whole.acquire_many_owned(kib).await.ok()?;
            Some(Room { whole, share })
        };
        tokio::time::timeout(MEMORY_WAIT, room).await.ok()?
    }

    /// Reads a body whole, within all limits. The room stands for its memory.
    pub(crate) async fn read(
        &self,
        collector: &str,
        config: &GatewayConfig,
        parts: &Parts,
        body: Body,
    ) -> Result<(Vec<u8>, Room), Refusal> {
        let bytes_max = config.request_bytes_max;
        let sent = parts.extensions.get().copied();
        let AsSent { bytes, is_plain } = sent.unwrap_or_else(|| AsSent::new(&parts.headers));
        if is_plain && bytes.is_some_and(|bytes| bytes > bytes_max as u64) {
            return Err(too_large(bytes_max));
        }
        // What the body may come to is claimed before it is read.
        let claim = bytes
            .filter(|_| is_plain)
            .map_or(kib(bytes_max as u64), kib);
        let Some(mut room) = self.memory(collector, claim).await else {
            return Err(Refusal::Busy(
                "too much is being read already".to_owned(),
                MEMORY_RETRY,
            ));
        };
        if let Some(bytes) = bytes {
            self.bytes(collector, bytes)?;
        }
        let reading = collect(body, bytes_max);
        let read = tokio::time::timeout(config.body_wait, reading)
            .await
            .map_err(|_| Refusal::TooSlow)??;
        if bytes.is_none() {
            self.bytes(collector, read.len() as u64)?;
        }
        let surplus = claim.saturating_sub(kib(read.len() as u64));
        room.give_back(usize::try_from(surplus).unwrap_or_default());
        Ok((read, room))
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
