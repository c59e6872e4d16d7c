//! Which partition a record goes to: by its key as Java's default partitioner does, else the one that is filled at the
//! moment. Pure; what counts as random is handed in.

/// The partition of a key among `count`, the same that Java's default partitioner takes.
pub fn partition_of_key(key: &[u8], count: i32) -> i32 {
    let positive = murmur2(key) & 0x7fff_ffff;
    i32::try_from(positive).unwrap_or_default() % count.max(1)
}

/// The hash of Kafka's keys: murmur2, 32 bits, with Kafka's seed.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    // The hash takes the length modulo 2^32.
    let mut hash = SEED ^ (data.len() as u32);
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = word.iter().rev().fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
        k = k.wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        hash ^= rest.iter().rev().fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// The partition for records without a key: it stays until `batch.size` bytes went there (KIP-794).
#[derive(Clone, Debug, Default)]
pub(super) struct Sticky {
    partition: Option<i32>,
    bytes: usize,
}

impl Sticky {
    /// The partition for a record of this size. A new one is chosen among `usable` by a random number.
    pub(super) fn next(&mut self, size: usize, batch_size: usize, usable: &[i32], random: impl FnOnce() -> u64) -> i32 {
        let stays = self.bytes < batch_size.max(1);
        match self.partition.filter(|partition| stays && usable.contains(partition)) {
            Some(partition) => {
                self.bytes = self.bytes.saturating_add(size);
                partition
            }
            None => {
                let index = random() % (usable.len().max(1) as u64);
                let chosen = usable.get(usize::try_from(index).unwrap_or_default()).copied().unwrap_or_default();
                (self.partition, self.bytes) = (Some(chosen), size);
                chosen
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hash_as_in_java() {
        // The vectors of Kafka's own tests.
        let hashes = [("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536)];
        for (key, hash) in hashes {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
        assert_eq!(murmur2(b"a-little-bit-longer-string") as i32, -1_486_304_829);
        assert_eq!(murmur2(b"abc") as i32, 479_470_107);
    }

    #[test]
    fn a_key_always_meets_its_partition() {
        assert_eq!(partition_of_key(b"21", 7), ((-973_932_308_i32) & 0x7fff_ffff) % 7);
        assert_eq!(partition_of_key(b"k", 1), 0);
    }

    #[test]
    fn records_without_key_stay_until_a_batch_is_full() {
        let mut sticky = Sticky::default();
        assert_eq!(sticky.next(60, 100, &[0, 1, 2], || 2), 2);
        assert_eq!(sticky.next(60, 100, &[0, 1, 2], || 0), 2);
        assert_eq!(sticky.next(60, 100, &[0, 1, 2], || 1), 1);
        assert_eq!(sticky.next(1, 100, &[0], || 5), 0, "a partition without leader is left");
    }
}
