//! Which partition of `__consumer_offsets` holds a group.

/// The partition of `group_id` among `partitions`: Java's string hash without its sign, modulo the count.
pub fn partition_for(group_id: &str, partitions: i32) -> i32 {
    let hash = group_id.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    (hash & 0x7fff_ffff) % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::partition_for;

    #[test]
    fn hashes_as_java_does() {
        // "group".hashCode() = 98629247, "console-consumer-12345".hashCode() is negative, "é€😀" is 4 UTF-16 units.
        assert_eq!(partition_for("group", i32::MAX), 98_629_247);
        assert_eq!(partition_for("", 50), 0);
        assert_eq!(partition_for("g1", 50), (103 * 31 + 49) % 50);
        let units = [0xe9_i32, 0x20ac, 0xd83d, 0xde00];
        let expected = units.iter().fold(0i32, |h, u| h.wrapping_mul(31).wrapping_add(*u)) & 0x7fff_ffff;
        assert_eq!(partition_for("é€😀", i32::MAX), expected % i32::MAX);
    }
}
