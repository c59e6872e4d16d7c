//! Fetch sessions (KIP-227): the broker remembers which partitions a consumer follows, so that requests name
//! only changes and answers hold only partitions with news. Pure: time is handed in.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use barnabas_common::{ErrorCode, Uuid};
use parking_lot::Mutex;

use crate::fetch::FetchedPartition;

/// The epoch that asks for a full fetch without a session.
const FINAL_EPOCH: i32 = -1;
/// The epoch that asks for a new session.
const INITIAL_EPOCH: i32 = 0;
/// How long a session must have been idle before a new one may take its place.
const EVICTABLE_AFTER_MS: i64 = 120_000;

/// Partitions that one session may follow, and all of them together; they need not exist. What exceeds this is fetched
/// without a session.
const MAX_SESSION_PARTITIONS: usize = 100_000;
const MAX_PARTITIONS: usize = 500_000;
/// A partition counts once for so many bytes of its topic's name: more than any topic that exists can have.
const NAME_BYTES: usize = 250;

/// A topic as the client names it: before version 13 by name, then by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TopicKey {
    Name(Arc<str>),
    Id(Uuid),
}

/// One partition as the request names it.
#[derive(Clone, Debug)]
pub struct SessionPartition {
    pub topic: TopicKey,
    pub partition: i32,
    pub fetch_offset: i64,
    pub max_bytes: i32,
    pub current_leader_epoch: i32,
    pub last_fetched_epoch: i32,
}

/// The part of a fetch request that concerns sessions.
#[derive(Debug)]
pub struct SessionRequest {
    pub session_id: i32,
    pub session_epoch: i32,
    pub uses_topic_ids: bool,
    pub partitions: Vec<SessionPartition>,
    pub forgotten: Vec<(TopicKey, i32)>,
}

/// What a session remembers of a partition.
#[derive(Clone, Debug)]
pub struct CachedPartition {
    pub request: SessionPartition,
    sent_high_watermark: i64,
    sent_log_start_offset: i64,
}

/// The partitions to fetch now, and how to answer.
pub struct SessionFetch {
    pub partitions: Vec<SessionPartition>,
    session: Option<Arc<Mutex<Session>>>,
    /// Every partition is answered, not only those with news.
    full: bool,
}

#[derive(Debug)]
struct Session {
    id: i32,
    /// The epoch that the next request must carry.
    next_epoch: i32,
    uses_topic_ids: bool,
    partitions: BTreeMap<(TopicKey, i32), CachedPartition>,
    /// Of the partitions together, see [`weight`].
    weight: usize,
    last_used_ms: i64,
    /// Where the next fetch starts, so that a busy partition does not starve those behind it.
    rotation: usize,
}

/// All sessions of a broker, at most `max.incremental.fetch.session.cache.slots` and so many partitions.
pub struct FetchSessionCache {
    slots: usize,
    sessions: HashMap<i32, Arc<Mutex<Session>>>,
    next_id: i32,
    /// Of all sessions together.
    weight: usize,
}

impl FetchSessionCache {
    /// An empty cache. Ids start at `first_id`, which should differ from start to start.
    pub fn new(slots: usize, first_id: i32) -> Self {
        Self { slots, sessions: HashMap::new(), next_id: first_id.max(1), weight: 0 }
    }

    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Partitions that all sessions follow together.
    pub fn partition_count(&self) -> usize {
        self.sessions.values().map(|session| session.lock().partitions.len()).sum()
    }

    /// Finds or makes the session of a request.
    pub fn begin(&mut self, request: SessionRequest, now_ms: i64) -> Result<SessionFetch, ErrorCode> {
        match (request.session_id, request.session_epoch) {
            (id, FINAL_EPOCH) => {
                self.forget(id);
                Ok(SessionFetch { partitions: request.partitions, session: None, full: true })
            }
            (id, INITIAL_EPOCH) => {
                self.forget(id);
                Ok(self.create(request, now_ms))
            }
            (id, _) => {
                let session = self.sessions.get(&id).cloned().ok_or(ErrorCode::FetchSessionIdNotFound)?;
                self.update(session, request, now_ms)
            }
        }
    }

    fn create(&mut self, request: SessionRequest, now_ms: i64) -> SessionFetch {
        let partitions =
            request.partitions.iter().map(|partition| (key(partition), CachedPartition::new(partition.clone())));
        let partitions: BTreeMap<_, _> = partitions.collect();
        let weight = partitions.keys().map(weight).sum();
        if partitions.is_empty() || weight > MAX_SESSION_PARTITIONS || !self.make_room(weight, now_ms) {
            return SessionFetch { partitions: request.partitions, session: None, full: true };
        }
        let id = self.fresh_id();
        self.weight += weight;
        let session = Arc::new(Mutex::new(Session {
            id,
            next_epoch: INITIAL_EPOCH + 1,
            uses_topic_ids: request.uses_topic_ids,
            partitions,
            weight,
            last_used_ms: now_ms,
            rotation: 0,
        }));
        self.sessions.insert(id, Arc::clone(&session));
        SessionFetch { partitions: request.partitions, session: Some(session), full: true }
    }

    /// Carries out an incremental request. A session that grows too large is gone like one that had to make room: the client
    /// begins anew.
    fn update(
        &mut self,
        session: Arc<Mutex<Session>>,
        request: SessionRequest,
        now_ms: i64,
    ) -> Result<SessionFetch, ErrorCode> {
        let mut state = session.lock();
        let before = state.weight;
        let partitions = state.update(request, now_ms)?;
        let (id, after) = (state.id, state.weight);
        drop(state);
        self.weight = self.weight - before + after;
        if after > before && (after > MAX_SESSION_PARTITIONS || self.weight > MAX_PARTITIONS) {
            self.forget(id);
            return Err(ErrorCode::FetchSessionIdNotFound);
        }
        Ok(SessionFetch { partitions, session: Some(session), full: false })
    }

    fn forget(&mut self, id: i32) {
        if let Some(session) = self.sessions.remove(&id) {
            self.weight -= session.lock().weight;
        }
    }

    /// Gives up sessions that nobody seems to use until there is room for one more of this weight.
    fn make_room(&mut self, weight: usize, now_ms: i64) -> bool {
        while self.sessions.len() >= self.slots || self.weight + weight > MAX_PARTITIONS {
            let oldest = self.sessions.iter().map(|(id, session)| (session.lock().last_used_ms, *id)).min();
            match oldest {
                Some((last_used_ms, id)) if now_ms - last_used_ms >= EVICTABLE_AFTER_MS => self.forget(id),
                _ => return false,
            }
        }
        true
    }

    fn fresh_id(&mut self) -> i32 {
        loop {
            let id = self.next_id;
            self.next_id = id.checked_add(1).unwrap_or(1);
            if !self.sessions.contains_key(&id) {
                return id;
            }
        }
    }
}

fn key(partition: &SessionPartition) -> (TopicKey, i32) {
    (partition.topic.clone(), partition.partition)
}

/// What a session's memory of a partition counts for.
fn weight((topic, _): &(TopicKey, i32)) -> usize {
    match topic {
        TopicKey::Name(name) => 1 + name.len() / NAME_BYTES,
        TopicKey::Id(_) => 1,
    }
}

impl Session {
    /// Takes in what a request changes, and returns what to fetch now.
    fn update(&mut self, request: SessionRequest, now_ms: i64) -> Result<Vec<SessionPartition>, ErrorCode> {
        if self.uses_topic_ids != request.uses_topic_ids {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        if self.next_epoch != request.session_epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        self.next_epoch = self.next_epoch.checked_add(1).unwrap_or(1);
        self.last_used_ms = now_ms;
        for forgotten in &request.forgotten {
            if self.partitions.remove(forgotten).is_some() {
                self.weight -= weight(forgotten);
            }
        }
        for partition in request.partitions {
            let key = key(&partition);
            match self.partitions.get_mut(&key) {
                Some(cached) => cached.request = partition,
                None => {
                    self.weight += weight(&key);
                    self.partitions.insert(key, CachedPartition::new(partition));
                }
            }
        }
        let mut partitions: Vec<_> = self.partitions.values().map(|cached| cached.request.clone()).collect();
        if !partitions.is_empty() {
            let start = self.rotation % partitions.len();
            partitions.rotate_left(start);
            self.rotation = self.rotation.wrapping_add(1);
        }
        Ok(partitions)
    }
}

impl CachedPartition {
    fn new(request: SessionPartition) -> Self {
        Self { request, sent_high_watermark: -1, sent_log_start_offset: -1 }
    }

    /// Whether the answer says something that the client does not know yet.
    fn has_news(&self, fetched: &FetchedPartition) -> bool {
        !fetched.records.is_empty()
            || !fetched.error.is_none()
            || fetched.diverging_epoch.is_some()
            || fetched.offsets.high_watermark != self.sent_high_watermark
            || fetched.offsets.log_start_offset != self.sent_log_start_offset
    }

    fn remember(&mut self, fetched: &FetchedPartition) {
        // After an error the partition must be answered again, with or without news.
        let known = fetched.error.is_none();
        self.sent_high_watermark = if known { fetched.offsets.high_watermark } else { -1 };
        self.sent_log_start_offset = if known { fetched.offsets.log_start_offset } else { -1 };
    }
}

impl SessionFetch {
    /// The id to answer with; 0 without a session.
    pub fn session_id(&self) -> i32 {
        self.session.as_ref().map_or(0, |session| session.lock().id)
    }

    /// Which of the fetched partitions go into the answer. Remembers what is sent.
    pub fn answered(&self, fetched: &[FetchedPartition]) -> Vec<bool> {
        let Some(session) = &self.session else { return vec![true; fetched.len()] };
        let mut session = session.lock();
        let answered = self.partitions.iter().zip(fetched).map(|(partition, fetched)| {
            let Some(cached) = session.partitions.get_mut(&key(partition)) else { return true };
            let answered = self.full || cached.has_news(fetched);
            if answered {
                cached.remember(fetched);
            }
            answered
        });
        answered.collect()
    }
}

#[cfg(test)]
mod tests;
