//! The last offset of every key, in bounded memory. Keys are known by a 128-bit hash only.

use std::hash::{BuildHasher, RandomState};

use barnabas_common::Offset;

const SLOT_BYTES: usize = size_of::<Slot>();
const FIRST_SLOTS: usize = 1024;
/// While the table doubles, the old and the new one are there at once.
const PEAK_FACTOR: f64 = 1.5;
const EMPTY: Offset = -1;

#[derive(Clone, Copy)]
struct Slot {
    hash: [u64; 2],
    offset: Offset,
}

/// A map from keys to the last offset at which each was seen.
///
/// Two keys are taken for one only if both of two independently seeded hashes agree; the seeds are drawn anew for
/// every process, so nobody can choose such keys.
pub(super) struct OffsetMap {
    seeds: [RandomState; 2],
    slots: Vec<Slot>,
    len: usize,
    max_slots: usize,
    load_factor: f64,
    /// Largest offset put in.
    latest: Offset,
}

impl OffsetMap {
    /// A map that takes at most `max_bytes`, filled up to `load_factor` of its slots.
    pub(super) fn new(max_bytes: usize, load_factor: f64) -> Self {
        let affordable = (max_bytes as f64 / PEAK_FACTOR) as usize / SLOT_BYTES;
        // A power of two, rounded down.
        let max_slots = (affordable.max(FIRST_SLOTS) + 1).next_power_of_two() / 2;
        let load_factor = load_factor.clamp(0.1, 0.95);
        let seeds = [RandomState::new(), RandomState::new()];
        Self {
            seeds,
            slots: vec![Slot { hash: [0; 2], offset: EMPTY }; FIRST_SLOTS],
            len: 0,
            max_slots,
            load_factor,
            latest: EMPTY,
        }
    }

    /// The largest offset that was put in; -1 if none was.
    pub(super) fn latest(&self) -> Offset {
        self.latest
    }

    /// Whether so many more keys may not fit.
    pub(super) fn is_full_for(&self, more: usize) -> bool {
        (self.len + more) as f64 > self.max_slots as f64 * self.load_factor
    }

    /// Share of the slots that may be made which are in use.
    pub(super) fn utilization(&self) -> f64 {
        self.len as f64 / self.max_slots as f64
    }

    /// Notes that `key` was seen at `offset`, which is above all before. To be called only if there is room.
    pub(super) fn put(&mut self, key: &[u8], offset: Offset) {
        if (self.len + 1) as f64 > self.slots.len() as f64 * self.load_factor && self.slots.len() < self.max_slots {
            self.grow();
        }
        let hash = self.hash(key);
        let index = self.find(hash);
        if self.slots[index].offset == EMPTY {
            self.len += 1;
        }
        self.slots[index] = Slot { hash, offset };
        self.latest = self.latest.max(offset);
    }

    /// The last offset of `key`.
    pub(super) fn get(&self, key: &[u8]) -> Option<Offset> {
        let slot = self.slots[self.find(self.hash(key))];
        (slot.offset != EMPTY).then_some(slot.offset)
    }

    fn hash(&self, key: &[u8]) -> [u64; 2] {
        [self.seeds[0].hash_one(key), self.seeds[1].hash_one(key)]
    }

    /// The slot of this hash, or the empty one where it belongs. There always is an empty one: the load factor is below 1.
    fn find(&self, hash: [u64; 2]) -> usize {
        let mask = self.slots.len() - 1;
        let mut index = hash[0] as usize & mask;
        while self.slots[index].offset != EMPTY && self.slots[index].hash != hash {
            index = (index + 1) & mask;
        }
        index
    }

    fn grow(&mut self) {
        let larger = vec![Slot { hash: [0; 2], offset: EMPTY }; self.slots.len() * 2];
        for slot in std::mem::replace(&mut self.slots, larger).into_iter().filter(|slot| slot.offset != EMPTY) {
            let index = self.find(slot.hash);
            self.slots[index] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_offset_of_a_key_wins() {
        let mut map = OffsetMap::new(1 << 20, 0.9);
        for offset in 0..20_000 {
            map.put(format!("key {}", offset % 7000).as_bytes(), offset);
        }
        assert_eq!(map.get(b"key 0"), Some(14_000));
        assert_eq!(map.get(b"key 6999"), Some(13_999));
        assert_eq!(map.get(b"other"), None);
        assert_eq!(map.latest(), 19_999);
    }

    #[test]
    fn it_says_when_it_is_full() {
        let mut map = OffsetMap::new(64 << 10, 0.5);
        let mut offset = 0;
        while !map.is_full_for(1) {
            map.put(&offset.to_string().into_bytes(), offset);
            offset += 1;
        }
        assert!((512..2000).contains(&offset), "{offset}");
        assert!((0.49..=0.5).contains(&map.utilization()), "{}", map.utilization());
        assert!(map.slots.len() * SLOT_BYTES <= 64 << 10);
        assert_eq!(map.get(b"0"), Some(0));
    }
}
