//! Request frames for the raw generators, and the few response fields that they look at.

use barnabas_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use barnabas_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use barnabas_protocol::messages::{FetchRequest, ProduceRequest};
use barnabas_protocol::records::{BatchBuilder, Compression, TimestampType};
use barnabas_protocol::{ApiKey, Message, Writer};

use anyhow::Result;
use bytes::Bytes;

/// The newest versions that name topics by name, so that requests are the same for every peer.
pub(crate) const PRODUCE_VERSION: i16 = 9;
pub(crate) const FETCH_VERSION: i16 = 12;

const CLIENT_ID: &str = "bench";
const ALL_IN_SYNC: i16 = -1;
const TIMEOUT_MS: i32 = 30_000;

/// A whole request frame.
pub(crate) fn frame<M: Message>(api: ApiKey, version: i16, correlation_id: i32, request: &M) -> Vec<u8> {
    let mut w = Writer::frame();
    w.int16(api.code());
    w.int16(version);
    w.int32(correlation_id);
    w.string(CLIENT_ID, false);
    if api.request_is_flexible(version) {
        w.unsigned_varint(0);
    }
    request.write(&mut w, version);
    w.into_frame().concat()
}

/// A batch of equally large records without keys.
pub(crate) fn batch(records: usize, size: usize) -> Result<Bytes> {
    let value: Vec<u8> = (0..=u8::MAX).cycle().take(size).collect();
    let now_ms = now_ms();
    let mut builder = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
    for _ in 0..records {
        builder.add(now_ms, None, Some(&value), &[]);
    }
    Ok(builder.build(0, -1)?.freeze())
}

/// A batch whose values are words, as logs and JSON are: compressing makes a quarter of them.
pub(crate) fn compressed_batch(records: usize, size: usize, compression: Compression) -> Result<Bytes> {
    const WORDS: [&str; 12] = [
        "customer",
        "order",
        "2026-11-21T",
        "amount",
        "true",
        "\"id\":",
        "null",
        "shipped",
        "street",
        "price",
        "note",
        "a",
    ];
    let mut builder = BatchBuilder::new(compression, TimestampType::CreateTime);
    let mut state = 1_u64;
    for number in 0..records {
        let mut value = Vec::with_capacity(size + 16);
        while value.len() < size {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            value.extend_from_slice(WORDS[(state >> 33) as usize % WORDS.len()].as_bytes());
            value.extend_from_slice(format!("{:03}", (state >> 44) % 1000).as_bytes());
        }
        value.truncate(size);
        builder.add(i64::try_from(number)?, None, Some(&value), &[]);
    }
    Ok(builder.build(0, -1)?.freeze())
}

/// One record with a key.
pub(crate) fn keyed_batch(key: &[u8], size: usize) -> Result<Bytes> {
    let value = vec![b'v'; size];
    let mut builder = BatchBuilder::new(Compression::None, TimestampType::CreateTime);
    builder.add(now_ms(), Some(key), Some(&value), &[]);
    Ok(builder.build(0, -1)?.freeze())
}

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(0)
}

/// A produce request of one batch, acks=all.
pub(crate) fn produce(topic: &str, partition: i32, batch: &Bytes) -> Vec<u8> {
    produce_to_many(&[(topic, &[partition])], batch)
}

/// A produce request of the same batch for many partitions, acks=all.
pub(crate) fn produce_to_many(topics: &[(&str, &[i32])], batch: &Bytes) -> Vec<u8> {
    let partition = |index: &i32| PartitionProduceData { index: *index, records: Some(batch.clone()) };
    let topic = |(name, partitions): &(&str, &[i32])| TopicProduceData {
        name: (*name).to_owned(),
        partition_data: partitions.iter().map(partition).collect(),
        ..Default::default()
    };
    let topic_data = topics.iter().map(topic).collect();
    let request = ProduceRequest { acks: ALL_IN_SYNC, timeout_ms: TIMEOUT_MS, topic_data, ..Default::default() };
    frame(ApiKey::Produce, PRODUCE_VERSION, 0, &request)
}

/// The error code in the answer to [`produce`], given without its size. The place is fixed: correlation id, tags,
/// one topic, its name, one partition, its index.
pub(crate) fn produce_error(answer: &[u8], topic: &str) -> Option<i16> {
    let at = 4 + 1 + 1 + 1 + topic.len() + 1 + 4;
    let code = answer.get(at..at + 2)?;
    Some(i16::from_be_bytes([code[0], code[1]]))
}

/// The base offset in the same answer, right behind the error code.
pub(crate) fn produced_offset(answer: &[u8], topic: &str) -> Option<i64> {
    let at = 4 + 1 + 1 + 1 + topic.len() + 1 + 4 + 2;
    Some(i64::from_be_bytes(*answer.get(at..)?.first_chunk()?))
}

/// A fetch request for partition 0, without a session.
pub(crate) fn fetch(topic: &str, offset: i64, max_bytes: i32) -> Vec<u8> {
    let partition = FetchPartition { fetch_offset: offset, partition_max_bytes: max_bytes, ..Default::default() };
    let topic = FetchTopic { topic: topic.to_owned(), partitions: vec![partition], ..Default::default() };
    let request = FetchRequest { max_wait_ms: 500, min_bytes: 1, max_bytes, topics: vec![topic], ..Default::default() };
    frame(ApiKey::Fetch, FETCH_VERSION, 0, &request)
}

#[cfg(test)]
mod tests {
    use barnabas_protocol::messages::ProduceResponse;
    use barnabas_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
    use barnabas_protocol::records::Compression;
    use barnabas_protocol::{ApiKey, decode_request_header, encode_response};
    use bytes::Bytes;

    use super::{PRODUCE_VERSION, batch, compressed_batch, produce, produce_error, produced_offset};

    #[test]
    fn requests_are_whole_frames() {
        let request = produce("topic", 0, &batch(1, 10).unwrap());
        assert_eq!(request.len(), 4 + u32::from_be_bytes(request[..4].try_into().unwrap()) as usize);
        let (header, _) = decode_request_header(Bytes::from(request).slice(4..)).unwrap();
        assert_eq!((header.api_key, header.api_version), (ApiKey::Produce.code(), PRODUCE_VERSION));
    }

    #[test]
    fn the_error_code_is_found() {
        let partition = PartitionProduceResponse { error_code: 42, base_offset: 43, ..Default::default() };
        let topic =
            TopicProduceResponse { name: "topic".into(), partition_responses: vec![partition], ..Default::default() };
        let response = ProduceResponse { responses: vec![topic], ..Default::default() };
        let frame = encode_response(ApiKey::Produce, PRODUCE_VERSION, 7, &response).concat();
        assert_eq!(produce_error(&frame[4..], "topic"), Some(42));
        assert_eq!(produced_offset(&frame[4..], "topic"), Some(43));
        assert_eq!(produced_offset(&frame[4..20], "topic"), None);
    }

    #[test]
    fn words_shrink_to_a_quarter_or_so() {
        let batch = compressed_batch(500, 1000, Compression::Gzip).unwrap();
        assert!((80_000..250_000).contains(&batch.len()), "{} bytes", batch.len());
    }
}
