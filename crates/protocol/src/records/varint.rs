//! Zigzag variable-length integers as records use them. The messages of the protocol have their own.

/// Bytes a 32-bit varint takes at most.
pub(super) const MAX_VARINT_SIZE: usize = 5;
const MAX_VARLONG_SIZE: usize = 10;

/// Why no integer could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VarintError {
    Truncated,
    TooLong,
}

/// Reads a 32-bit varint from the front of `bytes`; returns it with the number of bytes it takes.
pub(super) fn read_varint(bytes: &[u8]) -> Result<(i32, usize), VarintError> {
    let (raw, size) = read_unsigned(bytes, MAX_VARINT_SIZE)?;
    // As in Kafka, bits above the 32nd are dropped.
    let raw = raw as u32;
    Ok(((raw >> 1) as i32 ^ -((raw & 1) as i32), size))
}

/// Reads a 64-bit varint from the front of `bytes`; returns it with the number of bytes it takes.
pub(super) fn read_varlong(bytes: &[u8]) -> Result<(i64, usize), VarintError> {
    let (raw, size) = read_unsigned(bytes, MAX_VARLONG_SIZE)?;
    Ok(((raw >> 1) as i64 ^ -((raw & 1) as i64), size))
}

fn read_unsigned(bytes: &[u8], max_size: usize) -> Result<(u64, usize), VarintError> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().take(max_size).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value, index + 1));
        }
    }
    Err(if bytes.len() < max_size { VarintError::Truncated } else { VarintError::TooLong })
}

/// Appends a 32-bit varint.
pub(super) fn write_varint(out: &mut Vec<u8>, value: i32) {
    write_unsigned(out, u64::from(((value << 1) ^ (value >> 31)) as u32));
}

/// Appends a 64-bit varint.
pub(super) fn write_varlong(out: &mut Vec<u8>, value: i64) {
    write_unsigned(out, ((value << 1) ^ (value >> 63)) as u64);
}

fn write_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
