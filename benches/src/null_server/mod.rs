//! A server that answers producers and throws their records away, and hands the same records to every fetch: what
//! the sockets and the client cost anyone. It stores nothing and checks nothing.

mod control;
mod produce;

use anyhow::{Context, Result};
use barnabas_protocol::ApiKey;
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use control::Control;

const SIZE_BYTES: usize = 4;
const READ_BYTES: usize = 64 * 1024;
const MAX_FRAME_BYTES: usize = 100 << 20;

/// Serves until killed.
pub(crate) fn run(port: u16) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.context("cannot listen")?;
        let control = Control::new(port);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(serve(stream, control.clone()));
        }
    })
}

/// What to send next.
#[derive(Default)]
struct Out {
    small: Vec<u8>,
    /// Chunks of a large answer; `small` goes first.
    large: Vec<Bytes>,
}

/// Ends when the client leaves or sends what the server does not know.
async fn serve(mut stream: TcpStream, control: Control) -> Option<()> {
    let mut input = BytesMut::new();
    let mut out = Out::default();
    loop {
        while let Some(frame) = whole_frame(&input)? {
            answer(frame, &control, &mut out)?;
            let taken = SIZE_BYTES + frame.len();
            input.advance(taken);
            if !out.large.is_empty() {
                send(&mut stream, &mut out).await?;
            }
        }
        send(&mut stream, &mut out).await?;
        input.reserve(missing(&input).max(READ_BYTES));
        if stream.read_buf(&mut input).await.ok()? == 0 {
            return None;
        }
    }
}

async fn send(stream: &mut TcpStream, out: &mut Out) -> Option<()> {
    if !out.small.is_empty() {
        stream.write_all(&out.small).await.ok()?;
        out.small.clear();
    }
    for chunk in out.large.drain(..) {
        stream.write_all(&chunk).await.ok()?;
    }
    Some(())
}

/// The first frame without its size, if it is there as a whole. None on the outside: a size that cannot be.
#[allow(clippy::option_option)]
fn whole_frame(input: &[u8]) -> Option<Option<&[u8]>> {
    let Some(size) = input.first_chunk::<SIZE_BYTES>() else { return Some(None) };
    let size = u32::from_be_bytes(*size) as usize;
    if size > MAX_FRAME_BYTES {
        return None;
    }
    Some(input.get(SIZE_BYTES..SIZE_BYTES + size))
}

/// Bytes until the frame at the front is whole.
fn missing(input: &[u8]) -> usize {
    let size = input.first_chunk::<SIZE_BYTES>().map_or(0, |size| u32::from_be_bytes(*size) as usize);
    (SIZE_BYTES + size).saturating_sub(input.len())
}

fn answer(frame: &[u8], control: &Control, out: &mut Out) -> Option<()> {
    let api = i16::from_be_bytes(*frame.first_chunk::<2>()?);
    if api == ApiKey::Produce.code() {
        return produce::answer(frame, &mut out.small);
    }
    out.large.extend(control.answer(frame)?);
    Some(())
}

#[cfg(test)]
mod tests {
    use barnabas_protocol::Message;
    use barnabas_protocol::messages::ProduceResponse;
    use bytes::Bytes;

    use super::{produce, whole_frame};
    use crate::wire;

    #[test]
    fn a_produce_request_gets_an_answer_that_decodes() {
        let request = wire::produce("some-topic", 3, &wire::batch(2, 100).unwrap());
        let frame = whole_frame(&request).unwrap().unwrap();
        let mut answer = Vec::new();
        produce::answer(frame, &mut answer).unwrap();
        let body = whole_frame(&answer).unwrap().unwrap();
        assert_eq!(wire::produce_error(body, "some-topic"), Some(0));
        let response = ProduceResponse::decode(Bytes::copy_from_slice(&body[5..]), wire::PRODUCE_VERSION).unwrap();
        assert_eq!(response.responses[0].name, "some-topic");
        assert_eq!(response.responses[0].partition_responses[0].index, 3);
    }

    #[test]
    fn half_a_frame_waits_and_a_mad_size_ends() {
        assert_eq!(whole_frame(&[0, 0]), Some(None));
        assert_eq!(whole_frame(&[0, 0, 0, 2, 1]), Some(None));
        assert_eq!(whole_frame(&[255, 255, 255, 255]), None);
    }
}
