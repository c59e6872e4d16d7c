//! Cuts the byte stream of a connection into frames: four bytes of size, then that many bytes.

use bytes::buf::Limit;
use bytes::{Buf, BufMut, BytesMut};

const SIZE_BYTES: usize = 4;
/// Read at once, at least.
const MIN_READ_BYTES: usize = 4 * 1024;
/// Read at once, at most, before it is known that a frame is larger.
const MAX_READ_BYTES: usize = 64 * 1024;
/// A frame of which so much has arrived may take memory for so many times that.
const TRUSTED_FROM_BYTES: usize = 32 * 1024;
const TRUST_FACTOR: usize = 32;

/// The part of the stream that has arrived and was not cut off yet. Holds no memory while that is nothing.
#[derive(Debug)]
pub(crate) struct FrameBuffer {
    bytes: BytesMut,
    max_frame_bytes: usize,
    /// What is read at once: what this client usually sends fits into it.
    read_bytes: usize,
}

/// A declared frame size that is negative or beyond `socket.request.max.bytes`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadFrameSize {
    pub declared: i32,
    pub limit: usize,
}

impl FrameBuffer {
    pub(crate) fn new(max_frame_bytes: usize) -> Self {
        Self { bytes: BytesMut::new(), max_frame_bytes, read_bytes: MIN_READ_BYTES }
    }

    /// The next complete frame without its size. One that came alone takes its memory with it, so that who gets it may
    /// change it in place.
    pub(crate) fn next_frame(&mut self) -> Result<Option<BytesMut>, BadFrameSize> {
        let Some(size) = self.declared_size()? else { return Ok(None) };
        let whole = SIZE_BYTES + size;
        if self.bytes.len() < whole {
            return Ok(None);
        }
        let is_alone = self.bytes.len() == whole;
        let mut frame = if is_alone { std::mem::take(&mut self.bytes) } else { self.bytes.split_to(whole) };
        frame.advance(SIZE_BYTES);
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

    /// Bytes that the frame at the front still needs, as far as that is known.
    fn missing(&self) -> usize {
        match self.declared_size() {
            Ok(Some(size)) => (SIZE_BYTES + size).saturating_sub(self.bytes.len()),
            _ => SIZE_BYTES.saturating_sub(self.bytes.len()),
        }
    }

    /// Capacity that the next read needs. Memory follows what really arrives: beyond what is read at once it is a multiple
    /// of that, and never more than the frame.
    pub(crate) fn wanted_capacity(&self) -> usize {
        let (len, missing) = (self.bytes.len(), self.missing());
        if self.bytes.capacity() - len >= missing.clamp(1, MIN_READ_BYTES / 2) {
            return self.bytes.capacity();
        }
        let trusted = if len < TRUSTED_FROM_BYTES { len } else { len.saturating_mul(TRUST_FACTOR) };
        len + missing.min(trusted).max(self.read_bytes)
    }

    /// Room for the next read. It does not reach beyond a large frame, so that this one lies in its memory alone.
    pub(crate) fn spare(&mut self) -> Limit<&mut BytesMut> {
        let wanted = self.wanted_capacity();
        if wanted > self.bytes.capacity() {
            // `reserve` would take more than what is needed.
            let mut larger = BytesMut::with_capacity(wanted);
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
        let room = self.bytes.capacity() - self.bytes.len();
        let missing = self.missing();
        (&mut self.bytes).limit(if missing > MAX_READ_BYTES { room.min(missing) } else { room })
    }

    /// Takes note of a read into [`Self::spare`]: from its size follows that of the next one.
    pub(crate) fn arrived(&mut self, read_bytes: usize) {
        if self.bytes.len() == self.bytes.capacity() {
            self.read_bytes = (self.read_bytes * 2).min(MAX_READ_BYTES);
        } else if read_bytes < self.read_bytes / 8 {
            self.read_bytes = (self.read_bytes / 2).max(MIN_READ_BYTES);
        }
    }

    /// Gives memory back that a read has not used.
    pub(crate) fn release_unused(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BufMut;

    use super::{BadFrameSize, FrameBuffer, MAX_READ_BYTES, MIN_READ_BYTES};

    /// Reads as a socket would that has all of this.
    fn read(buffer: &mut FrameBuffer, bytes: &mut &[u8]) -> usize {
        let mut spare = buffer.spare();
        let taken = bytes.len().min(spare.remaining_mut());
        spare.put_slice(&bytes[..taken]);
        buffer.arrived(taken);
        *bytes = &bytes[taken..];
        taken
    }

    fn frame(size: usize) -> Vec<u8> {
        let mut frame = i32::try_from(size).unwrap().to_be_bytes().to_vec();
        frame.resize(4 + size, 7);
        frame
    }

    #[test]
    fn frames_are_cut_wherever_the_stream_breaks() {
        let stream = [&[0, 0, 0, 3][..], b"abc", &[0, 0, 0, 0], &[0, 0, 0, 1], b"x"].concat();
        for cut in 0..stream.len() {
            let mut buffer = FrameBuffer::new(100);
            let mut frames = Vec::new();
            for mut part in [&stream[..cut], &stream[cut..]] {
                read(&mut buffer, &mut part);
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
        for (declared, bytes) in [(i32::MAX, [0x7f, 0xff, 0xff, 0xff]), (-1, [0xff; 4])] {
            let mut buffer = FrameBuffer::new(100);
            read(&mut buffer, &mut &bytes[..]);
            assert_eq!(buffer.next_frame(), Err(BadFrameSize { declared, limit: 100 }));
        }
    }

    #[test]
    fn a_claimed_size_takes_no_memory() {
        let mut buffer = FrameBuffer::new(100 << 20);
        read(&mut buffer, &mut &(100i32 << 20).to_be_bytes()[..]);
        assert_eq!(buffer.next_frame(), Ok(None));
        assert!(buffer.wanted_capacity() <= 8192);
    }

    #[test]
    fn memory_follows_what_arrives_and_ends_with_the_frame() {
        for size in [10_000, 70_000, 1 << 20, 60 << 20] {
            let bytes = [frame(size), frame(5)].concat();
            let (mut rest, mut buffer, mut reads) = (&bytes[..], FrameBuffer::new(100 << 20), 0);
            let large = loop {
                let arrived = buffer.bytes.len();
                let wanted = buffer.wanted_capacity();
                assert!(
                    wanted <= (40 * arrived).max(arrived + MAX_READ_BYTES),
                    "{wanted} bytes when {arrived} are there"
                );
                assert!(wanted <= 4 + size + MAX_READ_BYTES);
                assert!(read(&mut buffer, &mut rest) > 0);
                reads += 1;
                if let Some(frame) = buffer.next_frame().unwrap() {
                    break frame;
                }
            };
            assert_eq!(large.len(), size);
            assert!(reads <= 8, "{reads} reads for {size} bytes");
            while buffer.next_frame().unwrap().is_none() {
                assert!(read(&mut buffer, &mut rest) > 0);
            }
            assert!(rest.is_empty() && buffer.bytes.capacity() == 0, "nothing is held for nothing");
        }
    }

    #[test]
    fn reads_grow_and_shrink_with_what_a_client_sends() {
        let mut buffer = FrameBuffer::new(1 << 20);
        let mut send = |size: usize, times: usize| {
            let bytes = frame(size).repeat(times);
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                read(&mut buffer, &mut rest);
                while buffer.next_frame().unwrap().is_some() {}
            }
            buffer.read_bytes
        };
        assert_eq!(send(100, 1), MIN_READ_BYTES);
        assert_eq!(send(16_500, 40), MAX_READ_BYTES);
        (0..10).for_each(|_| {
            send(100, 1);
        });
        assert_eq!(send(100, 1), MIN_READ_BYTES);
    }

    #[test]
    fn a_frame_that_comes_alone_may_be_changed_in_place() {
        let mut buffer = FrameBuffer::new(1 << 20);
        for size in [1_000, 16_500, 300_000, 300_000] {
            let bytes = frame(size);
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                read(&mut buffer, &mut rest);
            }
            let frame = buffer.next_frame().unwrap().unwrap();
            assert!(frame.freeze().is_unique(), "{size}");
        }
    }
}
