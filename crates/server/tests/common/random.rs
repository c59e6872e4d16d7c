//! Repeatable randomness, and random requests that are valid encodings.

use barnabas_protocol::ApiKey;
use bytes::Bytes;

/// xorshift64*: the same numbers for the same seed, everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// The body of a request with arrays that hold something, where luck allows: small numbers are read as one, and
/// what can be read is written as it should have been.
pub fn valid_body(api: ApiKey, version: i16, random: &mut Random) -> Bytes {
    let mut best = Bytes::new();
    let is_flexible = api.request_is_flexible(version);
    for _ in 0..1500 {
        let noise = if is_flexible { compact_noise(random) } else { wide_noise(random) };
        if let Ok(body) = api.rewrite_request(version, noise.into())
            && body.len() > best.len()
        {
            best = body;
        }
    }
    best
}

/// Bytes that read as short strings, arrays of one or two, and structs without tags.
fn compact_noise(random: &mut Random) -> Vec<u8> {
    (0..120).map(|_| random.pick(&[0, 0, 0, 0, 1, 2, 2, 2, 3, b't'])).collect()
}

/// Small numbers of one, two and four bytes.
fn wide_noise(random: &mut Random) -> Vec<u8> {
    let mut noise = vec![0; 120];
    let mut at = 0;
    while at + 4 < noise.len() {
        let (advance, value) = random.pick(&[(1, 0), (1, 1), (1, 2), (2, 1), (4, 1), (4, 2), (1, b't'), (4, 0)]);
        at += advance;
        noise[at - 1] = value;
    }
    noise
}
