//! What is written to a socket: frames in their order, several in one call, and ranges of files without reading them. When
//! frames are ready is decided in `connection`.
//!
//! **Invariant:** a frame is sent whole or its connection ends: when a file turns out shorter than a frame has promised,
//! nothing else may follow on the wire.

mod local_reader;

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::time::{Duration, Instant};

use barnabas_common::vfs::FileRange;
use barnabas_protocol::Chunk;
use bytes::Buf;

pub(super) use self::local_reader::LocalReader;
use super::stream::Stream;
use crate::metrics::UnsentAnswer;

/// Chunks given to one vectored write.
const MAX_SLICES: usize = 64;
/// Bytes of a file that are sent before other connections have their turn.
const TURN_BYTES: usize = 1 << 20;
/// Read at once where a file cannot be sent as it is.
const READ_BYTES: usize = 128 << 10;

/// A response, size included, as chunks to be sent one after the other.
pub(crate) struct Frame {
    pub chunks: Vec<Chunk>,
    pub unsent: UnsentAnswer,
}

impl Frame {
    /// Bytes that the frame will have on the wire.
    pub(crate) fn size_bytes(&self) -> usize {
        self.chunks.iter().map(Chunk::len).sum()
    }
}

/// Frames on their way to one socket.
#[derive(Default)]
pub(crate) struct Outgoing {
    chunks: VecDeque<Chunk>,
    unsent: Vec<UnsentAnswer>,
}

/// How far sending came.
#[derive(PartialEq)]
enum Progress {
    Done,
    /// The socket takes no more now.
    Full,
    /// It is somebody else's turn.
    TurnOver,
}

impl Outgoing {
    pub(crate) fn extend(&mut self, frames: impl IntoIterator<Item = Frame>) {
        for frame in frames {
            if self.chunks.is_empty() {
                self.chunks = frame.chunks.into();
            } else {
                self.chunks.extend(frame.chunks);
            }
            self.unsent.push(frame.unsent);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    fn has_files(&self) -> bool {
        self.chunks.iter().any(|chunk| matches!(chunk, Chunk::File(_)))
    }

    /// Hands everything to the kernel. A peer that takes nothing for as long as `patience` is an error. `began` is now; so is
    /// what it returns, later.
    pub(crate) async fn send(
        mut self,
        stream: &impl Stream,
        local: Option<&LocalReader>,
        patience: Duration,
        began: Instant,
    ) -> io::Result<Instant> {
        let mut copies = self.has_files() && local.is_some_and(|reader| reader.competes(began));
        loop {
            match send_now(stream, &mut self.chunks, copies)? {
                Progress::Done => break,
                // The socket nearly always takes a whole answer at once; only one that does not is watched by a timer.
                Progress::Full => {
                    // What did not fit would be read twice.
                    copies = false;
                    tokio::time::timeout(patience, stream.writable()).await??;
                }
                Progress::TurnOver => tokio::task::yield_now().await,
            }
        }
        let now = Instant::now();
        self.unsent.into_iter().for_each(|answer| answer.sent(began, now));
        Ok(now)
    }
}

/// Sends what the socket takes without waiting.
fn send_now(stream: &impl Stream, chunks: &mut VecDeque<Chunk>, copies: bool) -> io::Result<Progress> {
    let mut turn_bytes = 0;
    loop {
        let sent = match chunks.front_mut() {
            None => return Ok(Progress::Done),
            Some(_) if turn_bytes >= TURN_BYTES => return Ok(Progress::TurnOver),
            Some(Chunk::Bytes(_)) => send_bytes(stream, chunks.make_contiguous()),
            Some(Chunk::File(range)) => match send_file(stream, range, TURN_BYTES - turn_bytes, copies) {
                Err(error) if is_unsupported(&error) => {
                    let bytes = range.read_front(READ_BYTES)?;
                    chunks.push_front(Chunk::Bytes(bytes));
                    continue;
                }
                sent => sent,
            },
        };
        match sent {
            Ok(sent) => {
                advance(chunks, sent);
                turn_bytes += sent;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Progress::Full),
            Err(error) => return Err(error),
        }
    }
}

/// Sends the bytes in front of the next file range. The kernel is told to wait for the file, so that no small packet leaves.
fn send_bytes(stream: &impl Stream, chunks: &[Chunk]) -> io::Result<usize> {
    let in_front = chunks.iter().take(MAX_SLICES).map_while(|chunk| match chunk {
        Chunk::Bytes(bytes) => Some(IoSlice::new(bytes)),
        Chunk::File(_) => None,
    });
    match chunks {
        [Chunk::Bytes(only)] => stream.try_send(&[IoSlice::new(only)], false),
        _ => {
            let slices: Vec<_> = in_front.collect();
            stream.try_send(&slices, slices.len() < chunks.len())
        }
    }
}

fn send_file(stream: &impl Stream, range: &FileRange, max_bytes: usize, copies: bool) -> io::Result<usize> {
    let wanted = range.len().min(max_bytes);
    let sent = if copies {
        local_reader::send_copy(range, wanted, |bytes| stream.try_send(&[IoSlice::new(bytes)], false))
    } else {
        stream.try_send_file(range.file(), range.position(), wanted)
    };
    match sent {
        // Only a follower that gives up what its leader does not have cuts off a file, and only where no consumer may
        // read. Whoever is sent such a range all the same has been promised bytes that there are no more.
        Ok(0) if wanted > 0 => {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a log file became shorter while it was sent"))
        }
        Ok(sent) => Ok(sent),
        Err(error) => {
            if is_of_the_file(&error) {
                range.file().failed_elsewhere(&error);
            }
            Err(error)
        }
    }
}

/// The stream, or the file's file system, has no way to do this.
fn is_unsupported(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    error.kind() == io::ErrorKind::Unsupported || matches!(errno, Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP))
}

/// Not the peer's fault, nor a full socket.
fn is_of_the_file(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// Takes off what has been sent.
fn advance(chunks: &mut VecDeque<Chunk>, mut sent: usize) {
    while let Some(front) = chunks.front_mut() {
        let part = sent.min(front.len());
        match front {
            Chunk::Bytes(bytes) => bytes.advance(part),
            Chunk::File(range) => range.advance(part),
        }
        sent -= part;
        if !front.is_empty() {
            return;
        }
        chunks.pop_front();
    }
}

#[cfg(test)]
mod tests;
