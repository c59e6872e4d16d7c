//! Cuts the byte stream of a connection into frames: four bytes of size, then that many bytes.

use bytes::{Buf, BytesMut};

const SIZE_BYTES: usize = 4;
const FIRST_READ_BYTES: usize = 4096;
/// A buffer that grew beyond this is given back as soon as it is empty.
const KEEP_BYTES: usize = 64 * 1024;

/// The part of the stream that has arrived and was not cut off yet.
#[derive(Debug)]
pub(crate) struct FrameBuffer {
    bytes: BytesMut,
    max_frame_bytes: usize,
}

/// A declared frame size that is negative or beyond `socket.request.max.bytes`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadFrameSize {
    pub declared: i32,
    pub limit: usize,
}

impl FrameBuffer {
    pub(crate) fn new(max_frame_bytes: usize) -> Self {
        Self { bytes: BytesMut::new(), max_frame_bytes }
    }

    /// The next complete frame without its size.
    pub(crate) fn next_frame(&mut self) -> Result<Option<BytesMut>, BadFrameSize> {
        let Some(size) = self.declared_size()? else { return Ok(None) };
        if self.bytes.len() < SIZE_BYTES + size {
            return Ok(None);
        }
        self.bytes.advance(SIZE_BYTES);
        let frame = self.bytes.split_to(size);
        if self.bytes.is_empty() && size > KEEP_BYTES {
            self.bytes = BytesMut::new();
        }
        Ok(Some(frame))
    }

    fn declared_size(&self) -> Result<Option<usize>, BadFrameSize> {
        let Some(size) = self.bytes.first_chunk::<SIZE_BYTES>() else { return Ok(None) };
        let declared = i32::from_be_bytes(*size);
        match usize::try_from(declared) {
            Ok(size) if size <= self.max_frame_bytes => Ok(Some(size)),
            _ => Err(BadFrameSize { declared, limit: self.max_frame_bytes }),
        }
    }

    /// Whether part of a frame has arrived.
    pub(crate) fn is_mid_frame(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Capacity that the next read needs: twice what is there, so that memory follows what really arrives.
    pub(crate) fn wanted_capacity(&self) -> usize {
        let len = self.bytes.len();
        if self.bytes.capacity() - len >= FIRST_READ_BYTES / 2 {
            return self.bytes.capacity();
        }
        let missing = match self.declared_size() {
            Ok(Some(size)) => (SIZE_BYTES + size).saturating_sub(len),
            _ => FIRST_READ_BYTES,
        };
        len + missing.clamp(FIRST_READ_BYTES, len.max(FIRST_READ_BYTES))
    }

    /// The buffer with room for the next read.
    pub(crate) fn spare(&mut self) -> &mut BytesMut {
        let wanted = self.wanted_capacity();
        if wanted > self.bytes.capacity() {
            self.bytes.reserve(wanted - self.bytes.len());
        }
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::{BadFrameSize, FrameBuffer};

    #[test]
    fn frames_are_cut_wherever_the_stream_breaks() {
        let stream = [&[0, 0, 0, 3][..], b"abc", &[0, 0, 0, 0], &[0, 0, 0, 1], b"x"].concat();
        for cut in 0..stream.len() {
            let mut buffer = FrameBuffer::new(100);
            let mut frames = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                buffer.spare().extend_from_slice(part);
                while let Some(frame) = buffer.next_frame().unwrap() {
                    frames.push(frame.to_vec());
                }
            }
            assert_eq!(frames, [b"abc".to_vec(), vec![], b"x".to_vec()]);
            assert!(!buffer.is_mid_frame());
        }
    }

    #[test]
    fn sizes_beyond_the_limit_are_refused_before_they_are_believed() {
        let mut buffer = FrameBuffer::new(100);
        buffer.spare().extend_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
        assert_eq!(buffer.next_frame(), Err(BadFrameSize { declared: i32::MAX, limit: 100 }));
        let mut buffer = FrameBuffer::new(100);
        buffer.spare().extend_from_slice(&[0xff, 0xff, 0xff, 0xff]);
        assert_eq!(buffer.next_frame(), Err(BadFrameSize { declared: -1, limit: 100 }));
    }

    #[test]
    fn a_claimed_size_takes_no_memory() {
        let mut buffer = FrameBuffer::new(100 << 20);
        buffer.spare().extend_from_slice(&(100i32 << 20).to_be_bytes());
        assert_eq!(buffer.next_frame(), Ok(None));
        assert!(buffer.wanted_capacity() <= 8192);
    }
}
