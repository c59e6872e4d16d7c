//! What every generated message can do.

use bytes::Bytes;

use crate::codec::{DecodeError, Reader, Writer};

/// A message of the wire or of a coordinator log, in any of its versions.
pub trait Message: Sized + Default {
    const NAME: &'static str;
    const MIN_VERSION: i16;
    const MAX_VERSION: i16;

    /// Whether this version uses compact encodings and tagged fields (KIP-482).
    fn is_flexible(version: i16) -> bool;
    fn read(r: &mut Reader, version: i16) -> Result<Self, DecodeError>;
    fn write(&self, w: &mut Writer, version: i16);

    /// The message at the start of `bytes`. What follows it is ignored, as Kafka ignores it: librdkafka sends
    /// requests that are longer than their content.
    fn decode(bytes: Bytes, version: i16) -> Result<Self, DecodeError> {
        Self::read(&mut Reader::new(bytes), version)
    }

    fn encode(&self, version: i16) -> Bytes {
        let mut w = Writer::default();
        self.write(&mut w, version);
        w.into_bytes()
    }

    /// A message that starts with its version, as values in coordinator logs and member metadata do.
    fn decode_versioned(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let version = r.int16()?;
        if version < Self::MIN_VERSION || version > Self::MAX_VERSION {
            return Err(DecodeError::UnknownVersion { name: Self::NAME, version });
        }
        Self::read(&mut r, version)
    }

    fn encode_versioned(&self, version: i16) -> Bytes {
        let mut w = Writer::default();
        w.int16(version);
        self.write(&mut w, version);
        w.into_bytes()
    }
}
