//! Slow readers, short writes and files that change, on streams made of memory and on real sockets.

use std::path::Path;
use std::sync::{Arc, Mutex};

use barnabas_common::vfs::{MemVfs, OpenMode, OsVfs, Vfs, VfsFile};
use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::advertised::{Link, Network};

const PATIENCE: Duration = Duration::from_secs(60);

/// Takes a few bytes at a time and is full every other time.
struct Trickle {
    taken: Mutex<Vec<u8>>,
    calls: Mutex<Vec<&'static str>>,
    at_once: usize,
    sends_files: bool,
    has_room: Mutex<bool>,
}

impl Trickle {
    fn new(at_once: usize, sends_files: bool) -> Self {
        let (taken, calls, has_room) = Default::default();
        Self { taken, calls, at_once, sends_files, has_room }
    }

    fn take(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut has_room = self.has_room.lock().unwrap();
        *has_room = !*has_room;
        if !*has_room {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let part = bytes.len().min(self.at_once);
        self.taken.lock().unwrap().extend_from_slice(&bytes[..part]);
        Ok(part)
    }
}

impl Stream for Trickle {
    fn try_send(&self, slices: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
        self.calls.lock().unwrap().push(if more { "more" } else { "bytes" });
        assert!(slices.len() <= MAX_SLICES);
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        self.take(&bytes)
    }

    fn try_send_file(&self, file: &dyn VfsFile, position: u64, len: usize) -> io::Result<usize> {
        if !self.sends_files {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.calls.lock().unwrap().push("file");
        let mut bytes = vec![0; len];
        let read = file.read_at(&mut bytes, position)?;
        if read == 0 { Ok(0) } else { self.take(&bytes[..read]) }
    }

    async fn writable(&self) -> io::Result<()> {
        Ok(())
    }
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

fn file(vfs: &dyn Vfs, path: &Path, bytes: &[u8]) -> Arc<dyn VfsFile> {
    vfs.create_dir_all(path.parent().unwrap()).unwrap();
    let file = vfs.open(path, OpenMode::TRUNCATE).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

fn outgoing(chunks: impl IntoIterator<Item = Chunk>) -> Outgoing {
    Outgoing { chunks: chunks.into_iter().collect(), unsent: Vec::new() }
}

/// A reader that others on this thread compete with.
fn one_of_several() -> LocalReader {
    let here = ([127, 0, 0, 1], 9092).into();
    let reader = |()| LocalReader::new(&Network::default(), Link { local: here, peer: here }).unwrap();
    let [one, other] = [(); 2].map(reader);
    other.competes(Instant::now());
    one
}

fn bytes(text: &'static str) -> Chunk {
    Bytes::from_static(text.as_bytes()).into()
}

fn mixed(file: &Arc<dyn VfsFile>) -> Vec<Chunk> {
    let range = |position, len| Chunk::File(FileRange::new(Arc::clone(file), position, len));
    let mut chunks = vec![bytes("head"), bytes("er"), range(5, 900), bytes("between"), range(0, 300)];
    chunks.extend((0..200).map(|_| bytes("x")));
    chunks
}

fn flat(chunks: Vec<Chunk>) -> Vec<u8> {
    chunks.into_iter().flat_map(|chunk| chunk.into_bytes().unwrap()).collect()
}

#[tokio::test]
async fn whatever_the_socket_takes_the_order_holds() {
    let file = file(&MemVfs::new(), Path::new("/f"), &content(1000));
    let expected = flat(mixed(&file));
    for at_once in [1, 7, 1000, 100_000] {
        for sends_files in [true, false] {
            for local in [None, Some(one_of_several())] {
                let stream = Trickle::new(at_once, sends_files);
                outgoing(mixed(&file)).send(&stream, local.as_ref(), PATIENCE, Instant::now()).await.unwrap();
                let what = format!("{at_once} at once, files {sends_files}, local {}", local.is_some());
                assert!(*stream.taken.lock().unwrap() == expected, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn what_stands_before_a_file_waits_for_it() {
    let file = file(&MemVfs::new(), Path::new("/f"), &content(1000));
    let stream = Trickle::new(100_000, true);
    let range = Chunk::File(FileRange::new(file, 0, 10));
    outgoing([bytes("a"), bytes("b"), range, bytes("c")]).send(&stream, None, PATIENCE, Instant::now()).await.unwrap();
    let mut calls = stream.calls.lock().unwrap().clone();
    // Every other call finds the socket full.
    calls.dedup();
    assert_eq!(calls, ["more", "file", "bytes"]);
}

#[tokio::test]
async fn competing_local_readers_get_copies() {
    let file = file(&MemVfs::new(), Path::new("/f"), &content(3 << 20));
    let stream = Trickle::new(usize::MAX, true);
    *stream.has_room.lock().unwrap() = false;
    let range = Chunk::File(FileRange::new(file, 0, 3 << 20));
    outgoing([range]).send(&stream, Some(&one_of_several()), PATIENCE, Instant::now()).await.unwrap();
    // A socket that is full ends it: what does not fit would be read twice.
    assert_eq!(*stream.calls.lock().unwrap(), ["bytes", "bytes", "file", "file", "file"]);
}

#[tokio::test]
async fn a_file_that_became_shorter_ends_the_connection() {
    for (sends_files, local) in [(true, None), (false, None), (true, Some(one_of_several()))] {
        let file = file(&MemVfs::new(), Path::new("/f"), &content(1000));
        let chunks = [bytes("head"), Chunk::File(FileRange::new(Arc::clone(&file), 500, 400)), bytes("next frame")];
        file.set_len(600).unwrap();
        let stream = Trickle::new(1000, sends_files);
        let error = outgoing(chunks).send(&stream, local.as_ref(), PATIENCE, Instant::now()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(!stream.taken.lock().unwrap().ends_with(b"frame"));
    }
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_given_up() {
    struct Stuck;
    impl Stream for Stuck {
        fn try_send(&self, _: &[IoSlice<'_>], _: bool) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }
        fn try_send_file(&self, _: &dyn VfsFile, _: u64, _: usize) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }
        async fn writable(&self) -> io::Result<()> {
            std::future::pending().await
        }
    }
    let error =
        outgoing([bytes("answer")]).send(&Stuck, None, Duration::from_millis(1), Instant::now()).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

#[tokio::test]
async fn files_reach_a_slow_reader_over_a_real_socket() {
    let dir = tempfile::tempdir().unwrap();
    let whole = content(9 << 20);
    let on_disk = file(&OsVfs, &dir.path().join("f"), &whole);
    let in_memory = file(&MemVfs::new(), Path::new("/f"), &whole);
    for file in [on_disk, in_memory] {
        let (near, mut far) = pair().await;
        let range = FileRange::new(file, 1, whole.len() - 1);
        let sending =
            outgoing([bytes("\0"), Chunk::File(range), bytes("end")]).send(&near, None, PATIENCE, Instant::now());
        let reading = async {
            let mut got = vec![0; whole.len() + 3];
            for part in got.chunks_mut(300_000) {
                tokio::task::yield_now().await;
                far.read_exact(part).await.unwrap();
            }
            got
        };
        let (sent, got) = tokio::join!(sending, reading);
        sent.unwrap();
        assert!(got[..whole.len()] == whole[..] && got.ends_with(b"end"));
    }
}

#[tokio::test]
async fn a_file_cut_while_the_socket_is_full_ends_the_connection() {
    let dir = tempfile::tempdir().unwrap();
    let whole = content(32 << 20);
    let file = file(&OsVfs, &dir.path().join("f"), &whole);
    let (near, mut far) = pair().await;
    let range = FileRange::new(Arc::clone(&file), 0, whole.len());
    let sending = async move {
        let result =
            outgoing([Chunk::File(range), bytes("next frame")]).send(&near, None, PATIENCE, Instant::now()).await;
        drop(near);
        result
    };
    let reading = async {
        let mut got = vec![0; 1 << 20];
        far.read_exact(&mut got).await.unwrap();
        file.set_len(1 << 20).unwrap();
        let _ = far.read_to_end(&mut got).await;
        got
    };
    let (sent, got) = tokio::join!(sending, reading);
    assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    // What was cut off may already read as zeros.
    assert!(got.len() < whole.len() && got[..1 << 20] == whole[..1 << 20]);
}
