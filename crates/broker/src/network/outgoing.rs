//! What is written to a socket: frames in their order, several in one call. When they are ready is decided in
//! `connection`.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use tokio::net::TcpStream;

use crate::metrics::UnsentAnswer;

/// Chunks given to one vectored write.
const MAX_SLICES: usize = 64;

/// A response, size included, as chunks to be sent one after the other.
pub(crate) struct Frame {
    pub chunks: Vec<Bytes>,
    pub unsent: UnsentAnswer,
}

impl Frame {
    /// Bytes that the frame will have on the wire.
    pub(crate) fn size_bytes(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }
}

/// Frames on their way to one socket.
#[derive(Default)]
pub(crate) struct Outgoing {
    chunks: VecDeque<Bytes>,
    unsent: Vec<UnsentAnswer>,
}

impl Outgoing {
    pub(crate) fn push(&mut self, frame: Frame) {
        self.chunks.extend(frame.chunks);
        self.unsent.push(frame.unsent);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Hands everything to the kernel. A peer that does not take it within `patience` is an error.
    pub(crate) async fn send(mut self, stream: &TcpStream, patience: Duration) -> io::Result<()> {
        let began = Instant::now();
        // The socket nearly always takes a whole answer at once; only one that does not is watched by a timer.
        if !write_at_once(stream, &mut self.chunks)? {
            tokio::time::timeout(patience, write_all(stream, &mut self.chunks)).await??;
        }
        let now = Instant::now();
        self.unsent.into_iter().for_each(|answer| answer.sent(began, now));
        Ok(())
    }
}

/// Writes as much as the socket takes without waiting. Says whether that was all.
fn write_at_once(stream: &TcpStream, chunks: &mut VecDeque<Bytes>) -> io::Result<bool> {
    let written = match &chunks.make_contiguous()[..] {
        [only] => stream.try_write(only),
        several => stream.try_write_vectored(&slices(several)),
    };
    match written {
        Ok(written) => advance(chunks, written),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        Err(error) => return Err(error),
    }
    Ok(chunks.is_empty())
}

async fn write_all(stream: &TcpStream, chunks: &mut VecDeque<Bytes>) -> io::Result<()> {
    while !chunks.is_empty() {
        stream.writable().await?;
        write_at_once(stream, chunks)?;
    }
    Ok(())
}

fn slices(chunks: &[Bytes]) -> Vec<IoSlice<'_>> {
    chunks.iter().take(MAX_SLICES).map(|chunk| IoSlice::new(chunk)).collect()
}

/// Takes off what has been written.
fn advance(chunks: &mut VecDeque<Bytes>, mut written: usize) {
    while let Some(front) = chunks.front_mut() {
        let part = written.min(front.len());
        front.advance(part);
        written -= part;
        if !front.is_empty() {
            return;
        }
        chunks.pop_front();
    }
}
