//! Where output follows Java's collections: hash codes of strings and the order of a `HashMap`. Nothing here talks to anyone.

/// `String.hashCode`.
fn hash_code(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)))
}

/// Brings entries into the order in which a `java.util.HashMap` that they were put into one by one gives them back.
pub(crate) fn sort_as_hash_map<T>(entries: &mut [T], key: impl Fn(&T) -> &str) {
    let mut buckets: u32 = 16;
    while entries.len() as u64 * 4 > u64::from(buckets) * 3 {
        buckets = buckets.saturating_mul(2);
    }
    entries.sort_by_key(|entry| {
        let hash = hash_code(key(entry));
        (hash ^ (hash >> 16)) & (buckets - 1)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_codes_are_those_of_java() {
        assert_eq!(hash_code("Aa"), hash_code("BB"));
        assert_eq!(hash_code("abc"), 96354);
    }

    #[test]
    fn entries_lie_in_buckets() {
        let mut words = ["b", "a", "q"];
        sort_as_hash_map(&mut words, |word| word);
        assert_eq!(words, ["a", "q", "b"]);
    }
}
