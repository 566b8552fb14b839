//! Reproducible random numbers: a SplitMix64 generator that can be split by purpose.
//!
//! Every writer draws from a stream of its own, named by seed, device, log and occasion, so that a log
//! which grows keeps the bytes that it had, and a change in one writer moves nothing in another.

/// One stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The stream that belongs to this path of numbers: seed first, then who, what and when.
    pub(crate) fn for_path(path: &[u64]) -> Self {
        let mut stream = Self {
            state: 0x51_7c_c1_b7_27_22_0a_95,
        };
        for part in path {
            stream.state ^= part.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
            stream.state = stream.next();
        }
        stream
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 when the limit is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(limit);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        let width = u64::from(high.saturating_sub(low)) + 1;
        low + u32::try_from(self.below(width)).unwrap_or_default()
    }

    /// True in this share of all cases, from 0 to 1.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        // 53 bits, the whole precision of a float.
        let drawn =
            f64::from(u32::try_from(self.next() >> 32).unwrap_or_default()) / 4_294_967_296.0;
        drawn < share
    }

    /// One of the items; the type's default when there is none.
    pub(crate) fn pick<T: Clone + Default>(&mut self, items: &[T]) -> T {
        let index = usize::try_from(self.below(items.len() as u64)).unwrap_or_default();
        items.get(index).cloned().unwrap_or_default()
    }

    /// The index of one of the weights, drawn by weight; 0 when all weights are 0.
    pub(crate) fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: u64 = weights.iter().map(|w| u64::from(*w)).sum();
        let mut left = self.below(total);
        for (index, weight) in weights.iter().enumerate() {
            let weight = u64::from(*weight);
            if left < weight {
                return index;
            }
            left -= weight;
        }
        0
    }

    /// Puts the items into random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let other = usize::try_from(self.below(end as u64 + 1)).unwrap_or_default();
            items.swap(end, other);
        }
    }

    /// Lower-case hexadecimal digits.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        (0..digits)
            .filter_map(|_| char::from_digit(u32::try_from(self.below(16)).unwrap_or_default(), 16))
            .collect()
    }

    /// A GUID in upper case, without braces.
    pub(crate) fn guid(&mut self) -> String {
        let variant = self.pick(&['8', '9', 'a', 'b']);
        format!(
            "{}-{}-4{}-{variant}{}-{}",
            self.hex(8),
            self.hex(4),
            self.hex(3),
            self.hex(3),
            self.hex(12)
        )
        .to_uppercase()
    }

    /// A correlation vector base of the update client: 16 characters of base64.
    pub(crate) fn correlation_vector(&mut self) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        (0..16).map(|_| char::from(self.pick(ALPHABET))).collect()
    }

    /// A process or thread id: a multiple of four.
    pub(crate) fn process_id(&mut self) -> u32 {
        self.between(150, 5200) * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_named_by_its_whole_path() {
        let draw = |path: &[u64]| Random::for_path(path).hex(16);
        assert_eq!(draw(&[7, 1, 2]), draw(&[7, 1, 2]));
        assert_ne!(draw(&[7, 1, 2]), draw(&[7, 2, 1]));
        assert_ne!(draw(&[7, 1]), draw(&[7, 1, 0]));
    }

    #[test]
    fn numbers_keep_to_their_limits() {
        let mut random = Random::for_path(&[1]);
        let drawn: Vec<u32> = (0..2000).map(|_| random.between(3, 7)).collect();
        assert!((3..=7).all(|n| drawn.contains(&n)) && drawn.iter().all(|n| (3..=7).contains(n)));
        assert_eq!(random.below(0), 0);
        assert_eq!(random.pick::<u32>(&[]), 0);
        assert!((0..500).all(|_| random.weighted(&[0, 3, 0]) == 1));
        let hits = (0..10_000).filter(|_| random.chance(0.25)).count();
        assert!((2_200..2_800).contains(&hits), "{hits}");
    }
}
