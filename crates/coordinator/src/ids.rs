//! Where random ids come from: handed in, so that a shard's run can be repeated exactly.

/// A source of the random part of member ids.
pub trait IdSource: Send {
    /// 128 fresh random bits.
    fn next_id(&mut self) -> u128;
}

impl<F: FnMut() -> u128 + Send> IdSource for F {
    fn next_id(&mut self) -> u128 {
        self()
    }
}

/// `<prefix>-<uuid>`, the form of a member id.
pub(crate) fn member_id(prefix: &str, random: u128) -> String {
    // The bits that mark a version 4 (random) UUID of RFC 9562.
    let bits = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{prefix}-{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::member_id;

    #[test]
    fn member_ids_end_in_a_random_uuid() {
        assert_eq!(member_id("app", 0), "app-00000000-0000-4000-8000-000000000000");
        assert_eq!(member_id("a-b", u128::MAX), "a-b-ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
