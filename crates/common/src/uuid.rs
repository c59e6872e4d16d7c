//! Kafka's 128-bit ids: topic ids, directory ids, cluster ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A 128-bit id, shown as Kafka shows it: 22 characters of URL-safe base64 without padding.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// "No id" on the wire.
    pub const ZERO: Self = Self([0; 16]);

    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// A fresh id that, like Kafka's, never starts with a dash, so that it can stand on a command line.
    pub fn random() -> Self {
        loop {
            let id = Self(*uuid::Uuid::new_v4().as_bytes());
            if !id.to_string().starts_with('-') {
                return id;
            }
        }
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        // 22 digits of 6 bits are 132 bits: the last digit holds 2 bits of the id and 4 zero bits.
        for digit in 0..22u32 {
            let six = if digit < 21 { bits >> (122 - 6 * digit) } else { bits << 4 } & 0x3f;
            write!(f, "{}", ALPHABET[six as usize] as char)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uuid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches('=').as_bytes();
        if digits.len() != 22 {
            return Err(format!("'{text}' is not an id: expected 22 characters of URL-safe base64"));
        }
        let mut bits: u128 = 0;
        for (i, c) in digits.iter().enumerate() {
            let six =
                ALPHABET.iter().position(|a| a == c).ok_or_else(|| format!("'{text}' is not an id: bad character"))?;
            bits = if i < 21 { (bits << 6) | six as u128 } else { (bits << 2) | (six as u128 >> 4) };
        }
        Ok(Self(bits.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::Uuid;

    #[test]
    fn text_round_trips() {
        for _ in 0..100 {
            let id = Uuid::random();
            assert_eq!(id.to_string().parse::<Uuid>(), Ok(id));
        }
        assert_eq!(Uuid::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(
            "MkU3OEVBNTcwNTJENDM2Qk".parse::<Uuid>().map(|u| u.as_bytes()[..3].to_vec()),
            Ok(vec![b'2', b'E', b'7'])
        );
    }

    #[test]
    fn nonsense_is_refused() {
        assert!("short".parse::<Uuid>().is_err());
        assert!("!!!!!!!!!!!!!!!!!!!!!!".parse::<Uuid>().is_err());
    }
}
