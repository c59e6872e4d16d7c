//! What has to be in a trace: for every answer, a write of the request's bytes to a file and a sync of that file that
//! began after the write had ended and ended before the answer began.

use std::collections::{BTreeMap, HashMap};

use crate::trace::{Call, What};

/// A request that was answered with success.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    pub correlation_id: i32,
    /// Bytes of the request that are nowhere else.
    pub marker: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Synced,
    /// It was written, but the answer did not wait for the disk.
    NotSynced,
    /// Its bytes were in no file before the answer.
    NotWritten,
    /// The trace does not hold the answer.
    NotAnswered,
}

pub(crate) fn verdicts<'a>(calls: &[Call], acknowledged: &'a [Acknowledged]) -> Vec<(&'a Acknowledged, Verdict)> {
    let answers = answers(calls);
    let files = || calls.iter().filter(|call| !call.is_socket() && call.succeeded());
    let text = |call: &'_ Call| match &call.what {
        What::Write(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        What::Sync => None,
    };
    let writes = files().filter_map(|call| Some(Written { call, text: text(call)? })).collect();
    let trace = Trace { writes, syncs: files().filter(|call| call.what == What::Sync).collect() };
    acknowledged.iter().map(|one| (one, trace.verdict(one, answers.get(&one.correlation_id).copied()))).collect()
}

struct Written<'a> {
    call: &'a Call,
    text: String,
}

/// What succeeded on files.
struct Trace<'a> {
    writes: Vec<Written<'a>>,
    syncs: Vec<&'a Call>,
}

impl Trace<'_> {
    fn verdict(&self, one: &Acknowledged, answered_at: Option<usize>) -> Verdict {
        let Some(answered_at) = answered_at else { return Verdict::NotAnswered };
        let is_in_time = |call: &Call| call.end.is_some_and(|end| end < answered_at);
        let is_its = |write: &&Written<'_>| is_in_time(write.call) && write.text.contains(&one.marker);
        let writes: Vec<&Call> = self.writes.iter().filter(is_its).map(|write| write.call).collect();
        let is_synced = |write: &&Call| {
            let is_after = |sync: &Call| sync.path == write.path && write.end.is_some_and(|end| sync.begin > end);
            self.syncs.iter().any(|sync| is_in_time(sync) && is_after(sync))
        };
        match writes.iter().any(is_synced) {
            true => Verdict::Synced,
            false if writes.is_empty() => Verdict::NotWritten,
            false => Verdict::NotSynced,
        }
    }
}

/// When the answer of each correlation id began to be written: the place in the trace of the call with its first byte.
pub(crate) fn answers(calls: &[Call]) -> HashMap<i32, usize> {
    let mut streams: BTreeMap<&str, Stream> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.is_socket()) {
        if let What::Write(bytes) = &call.what {
            // A call without an end may have sent anything; what it was given is the earliest that can be said.
            let sent = call.result.map_or(bytes.len(), |result| usize::try_from(result).unwrap_or(0));
            streams.entry(&call.path).or_default().push(&bytes[..sent.min(bytes.len())], call.begin);
        }
    }
    streams.into_values().flat_map(|stream| stream.frames()).collect()
}

/// What was written to one socket, and by which call.
#[derive(Default)]
struct Stream {
    bytes: Vec<u8>,
    /// Where in the bytes a call's begin.
    calls: Vec<(usize, usize)>,
}

impl Stream {
    fn push(&mut self, bytes: &[u8], call: usize) {
        self.calls.push((self.bytes.len(), call));
        self.bytes.extend_from_slice(bytes);
    }

    /// Correlation ids and the calls that wrote their first bytes.
    fn frames(&self) -> Vec<(i32, usize)> {
        let mut frames = Vec::new();
        let mut at = 0;
        while let Some((size, correlation_id)) = int(&self.bytes, at).zip(int(&self.bytes, at + 4)) {
            let call = self.calls.iter().rev().find(|(start, _)| *start <= at);
            frames.extend(call.map(|(_, call)| (correlation_id, *call)));
            let Ok(size) = usize::try_from(size) else { break };
            at += 4 + size;
        }
        frames
    }
}

fn int(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::{Acknowledged, Verdict, answers, verdicts};
    use crate::trace::parse;

    /// A record "mark", and an answer with correlation id 7 and nothing in it.
    const WRITE: &str = "1 pwrite64(9</d/journal>, \"\\x6d\\x61\\x72\\x6b\", 4, 0) = 4\n";
    const ANSWER: &str = "2 write(5<socket:[77]>, \"\\x00\\x00\\x00\\x04\\x00\\x00\\x00\\x07\", 8) = 8\n";

    fn judged(lines: &[&str]) -> Verdict {
        let calls = parse(&lines.concat()).unwrap();
        let one = [Acknowledged { correlation_id: 7, marker: "mark".into() }];
        verdicts(&calls, &one)[0].1
    }

    #[test]
    fn a_sync_between_write_and_answer_is_right() {
        assert_eq!(judged(&[WRITE, "3 fdatasync(9</d/journal>) = 0\n", ANSWER]), Verdict::Synced);
        assert_eq!(judged(&[WRITE, "3 fsync(12</d/journal>) = 0\n", ANSWER]), Verdict::Synced);
    }

    #[test]
    fn a_sync_that_is_too_late_or_of_something_else_is_not() {
        assert_eq!(judged(&[WRITE, ANSWER, "3 fdatasync(9</d/journal>) = 0\n"]), Verdict::NotSynced);
        assert_eq!(judged(&["3 fdatasync(9</d/journal>) = 0\n", WRITE, ANSWER]), Verdict::NotSynced);
        assert_eq!(judged(&[WRITE, "3 fdatasync(9</d/other>) = 0\n", ANSWER]), Verdict::NotSynced);
        assert_eq!(
            judged(&[WRITE, "3 fdatasync(9</d/journal>) = -1 EIO (Input/output error)\n", ANSWER]),
            Verdict::NotSynced
        );
        assert_eq!(judged(&["3 fdatasync(9</d/journal>) = 0\n", ANSWER]), Verdict::NotWritten);
        assert_eq!(judged(&[WRITE]), Verdict::NotAnswered);
    }

    #[test]
    fn a_sync_that_began_before_the_write_ended_does_not_count() {
        let begin = "3 fdatasync(9</d/journal> <unfinished ...>\n";
        let end = "3 <... fdatasync resumed>) = 0\n";
        assert_eq!(judged(&[begin, WRITE, end, ANSWER]), Verdict::NotSynced);
        assert_eq!(judged(&[WRITE, begin, ANSWER, end]), Verdict::NotSynced);
        assert_eq!(judged(&[WRITE, begin, end, ANSWER]), Verdict::Synced);
    }

    #[test]
    fn answers_that_come_in_pieces_count_from_their_first_byte() {
        let lines = "2 write(5<socket:[77]>, \"\\x00\\x00\\x00\\x04\\x00\\x00\\x00\\x07\\x00\\x00\", 10) = 10\n\
                     2 writev(5<socket:[77]>, [{iov_base=\"\\x00\\x05\\x00\\x00\", iov_len=4}, {iov_base=\"\\x00\\x08\\xff\", \
                     iov_len=3}], 2) = 7\n\
                     2 write(6<socket:[78]>, \"\\x00\\x00\\x00\\x04\\x00\\x00\\x00\\x09\", 8) = 3\n";
        let answers = answers(&parse(lines).unwrap());
        assert_eq!((answers[&7], answers[&8]), (0, 0));
        assert_eq!(answers.len(), 2, "the third was not sent as a whole");
    }
}
