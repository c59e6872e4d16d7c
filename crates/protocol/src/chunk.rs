//! What a frame is made of once it is encoded: bytes, and ranges of files that are never copied into memory. Sending them
//! is the network shell's affair.

use std::io;

use barnabas_common::vfs::FileRange;
use bytes::Bytes;

/// A piece of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Chunk {
    Bytes(Bytes),
    File(FileRange),
}

impl Chunk {
    /// Bytes that the chunk will have on the wire.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::File(range) => range.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, read if they stand in a file.
    pub fn into_bytes(self) -> io::Result<Bytes> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::File(mut range) => range.read_front(range.len()),
        }
    }
}

impl From<Bytes> for Chunk {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// The records of one partition in an answer: whole batches in several pieces, wherever they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordData {
    pieces: Vec<Chunk>,
}

impl RecordData {
    pub fn pieces(&self) -> &[Chunk] {
        &self.pieces
    }

    pub fn len(&self) -> usize {
        self.pieces.iter().map(Chunk::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.iter().all(Chunk::is_empty)
    }

    /// All records in one piece. Those that came in a message need neither copying nor reading.
    pub fn into_bytes(mut self) -> io::Result<Bytes> {
        if self.pieces.len() <= 1 {
            return self.pieces.pop().map_or(Ok(Bytes::new()), Chunk::into_bytes);
        }
        let mut whole = Vec::with_capacity(self.len());
        for piece in self.pieces {
            whole.extend_from_slice(&piece.into_bytes()?);
        }
        Ok(whole.into())
    }
}

impl From<Bytes> for RecordData {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::default() } else { Self { pieces: vec![Chunk::Bytes(bytes)] } }
    }
}

impl From<FileRange> for RecordData {
    fn from(range: FileRange) -> Self {
        Self { pieces: vec![Chunk::File(range)] }
    }
}

impl FromIterator<Bytes> for RecordData {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        Self { pieces: pieces.into_iter().map(Chunk::Bytes).collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use barnabas_common::vfs::{MemVfs, OpenMode, Vfs};

    use super::*;
    use crate::messages::FetchResponse;
    use crate::messages::fetch_response::{FetchableTopicResponse, PartitionData};
    use crate::{ApiKey, Message, encode_response_chunks};

    fn response(records: Option<RecordData>) -> FetchResponse {
        let partitions = vec![PartitionData { records, ..Default::default() }, PartitionData::default()];
        let topic = FetchableTopicResponse { topic: "t".into(), partitions, ..Default::default() };
        FetchResponse { responses: vec![topic], ..Default::default() }
    }

    fn frame(response: &FetchResponse, version: i16) -> Vec<u8> {
        let chunks = encode_response_chunks(ApiKey::Fetch, version, 7, response);
        chunks.into_iter().flat_map(|chunk| chunk.into_bytes().unwrap()).collect()
    }

    #[test]
    fn pieces_and_files_look_the_same_on_the_wire() {
        let content: Vec<u8> = (0..20_000).map(|i| i as u8).collect();
        let whole = Bytes::from(content.clone());
        let vfs = MemVfs::new();
        vfs.create_dir_all(Path::new("/")).unwrap();
        let file = vfs.open(Path::new("/f"), OpenMode::TRUNCATE).unwrap();
        file.write_all_at(&content, 100).unwrap();
        let pieces: RecordData = [whole.slice(..10), whole.slice(10..9000), whole.slice(9000..)].into_iter().collect();
        for version in [4, 11, 12, 17] {
            let expected = frame(&response(Some(whole.clone().into())), version);
            assert_eq!(frame(&response(Some(pieces.clone())), version), expected);
            let range = FileRange::new(file.clone(), 100, content.len());
            assert_eq!(frame(&response(Some(range.into())), version), expected);
            assert_eq!(expected[..4], (expected.len() as u32 - 4).to_be_bytes());
            let body = Bytes::from(expected).slice(if version >= 12 { 9.. } else { 8.. });
            let decoded = FetchResponse::decode(body, version).unwrap();
            let records = decoded.responses[0].partitions[0].records.clone().unwrap();
            assert_eq!(records.into_bytes().unwrap(), whole);
        }
    }

    #[test]
    fn an_empty_answer_holds_nothing() {
        assert!(RecordData::from(Bytes::new()).pieces().is_empty());
        assert_eq!(RecordData::default().into_bytes().unwrap(), Bytes::new());
    }
}
