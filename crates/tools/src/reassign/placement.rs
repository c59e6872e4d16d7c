//! A proposal for `--generate`: leaders in turn, replicas of a partition in as many racks as possible. Pure but for the
//! place to start, which the caller draws.

use std::collections::{BTreeMap, BTreeSet};

/// A broker that replicas may move to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) id: i32,
    /// `None` if racks do not count.
    pub(super) rack: Option<String>,
}

/// Replicas for partitions 0, 1, …; the first of each is the preferred leader.
pub(super) fn place(places: &[Place], partitions: usize, factor: usize, start: usize) -> Result<Vec<Vec<i32>>, String> {
    if places.is_empty() {
        return Err("All brokers are currently fenced, or have all their log directories cordoned.".into());
    }
    if factor > places.len() {
        let count = places.len();
        return Err(format!(
            "The target replication factor of {factor} cannot be reached because only {count} broker(s) are registered \
             or some brokers have all their log directories cordoned."
        ));
    }
    let ring = alternated(places);
    Ok((0..partitions).map(|partition| replicas(&ring, factor, start.wrapping_add(partition), partition)).collect())
}

/// Brokers so that neighbours are in different racks as long as possible.
fn alternated(places: &[Place]) -> Vec<&Place> {
    let mut racks: BTreeMap<Option<&str>, Vec<&Place>> = BTreeMap::new();
    for place in places {
        racks.entry(place.rack.as_deref()).or_default().push(place);
    }
    racks.values_mut().for_each(|rack| rack.sort_by_key(|place| place.id));
    let longest = racks.values().map(Vec::len).max().unwrap_or_default();
    (0..longest).flat_map(|round| racks.values().filter_map(move |rack| rack.get(round).copied())).collect()
}

fn replicas(ring: &[&Place], factor: usize, first: usize, partition: usize) -> Vec<i32> {
    let size = ring.len();
    let leader = ring[first % size];
    // With each round of leaders the followers start one further, so that no pair of brokers shares everything.
    let shift = partition / size % size.saturating_sub(1).max(1);
    let others = (0..size - 1).map(|step| ring[(first % size + 1 + (shift + step) % (size - 1)) % size]);
    let mut candidates: Vec<&Place> = others.collect();
    let mut chosen = vec![leader.id];
    let mut used: BTreeSet<Option<&str>> = BTreeSet::from([leader.rack.as_deref()]);
    while chosen.len() < factor && !candidates.is_empty() {
        let fresh = candidates.iter().position(|place| !used.contains(&place.rack.as_deref()));
        let next = candidates.remove(fresh.unwrap_or(0));
        used.insert(next.rack.as_deref());
        chosen.push(next.id);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(racks: &[Option<&str>]) -> Vec<Place> {
        let place = |(index, rack): (usize, &Option<&str>)| Place {
            id: i32::try_from(index).unwrap() + 1,
            rack: rack.map(str::to_owned),
        };
        racks.iter().enumerate().map(place).collect()
    }

    #[test]
    fn leaders_take_turns_and_no_broker_is_in_a_partition_twice() {
        let rows = place(&places(&[None; 4]), 12, 3, 1).unwrap();
        for id in 1..=4 {
            assert_eq!(rows.iter().filter(|row| row[0] == id).count(), 3);
            assert_eq!(rows.iter().flatten().filter(|other| **other == id).count(), 9);
        }
        assert!(rows.iter().all(|row| row.iter().collect::<BTreeSet<_>>().len() == 3));
        assert_ne!(rows[0], rows[4]);
    }

    #[test]
    fn replicas_are_in_different_racks() {
        let all = places(&[Some("a"), Some("a"), Some("b"), Some("b"), Some("c")]);
        let rack_of = |id: i32| all[usize::try_from(id - 1).unwrap()].rack.clone();
        for row in place(&all, 20, 3, 7).unwrap() {
            assert_eq!(row.iter().map(|id| rack_of(*id)).collect::<BTreeSet<_>>().len(), 3, "{row:?}");
        }
    }

    #[test]
    fn too_few_brokers() {
        assert!(place(&[], 1, 1, 0).unwrap_err().starts_with("All brokers are currently fenced"));
        assert!(place(&places(&[None]), 1, 2, 0).unwrap_err().contains("only 1 broker(s) are registered"));
        assert_eq!(place(&places(&[None]), 2, 1, 9).unwrap(), [[1], [1]]);
    }
}
