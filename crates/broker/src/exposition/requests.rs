//! Traffic by topic, requests by API, connections by listener.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use barnabas_metadata::MetadataImage;
use barnabas_protocol::ApiKey;

use super::MAX_SERIES;
use super::encoder::{Encoder, labels};
use super::families::{self as f, Family};
use super::memory::{Moment, Part, ScrapeMemory};
use crate::broker::Broker;
use crate::metrics::{Metrics, TopicCounters, read};

/// Traffic of all topics together and of each that exists.
pub(super) fn topics(out: &mut Encoder, metrics: &Metrics, image: &MetadataImage) {
    let topics = existing_topics(metrics, image);
    let mut family = |family, value: fn(&TopicCounters) -> u64| {
        let mut samples = out.family(family);
        samples.add("", value(&metrics.all_topics));
        for (labels, counters) in topics.iter().take(MAX_SERIES) {
            samples.add(labels, value(counters));
        }
    };
    family(&f::MESSAGES_IN, |topic| read(&topic.messages_in));
    family(&f::BYTES_IN, |topic| read(&topic.bytes_in));
    family(&f::BYTES_OUT, |topic| read(&topic.bytes_out));
    family(&f::PRODUCE_REQUESTS, |topic| read(&topic.produce_requests));
    family(&f::FETCH_REQUESTS, |topic| read(&topic.fetch_requests));
    family(&f::FAILED_PRODUCE_REQUESTS, |topic| read(&topic.failed_produce_requests));
    family(&f::FAILED_FETCH_REQUESTS, |topic| read(&topic.failed_fetch_requests));
}

/// Topics with traffic, by name. A request that was under way when its topic was deleted may have left counters
/// behind: they go here.
fn existing_topics(metrics: &Metrics, image: &MetadataImage) -> Vec<(String, Arc<TopicCounters>)> {
    let mut names: Vec<_> = metrics.topics.read().iter().map(|(name, c)| (Arc::clone(name), Arc::clone(c))).collect();
    names.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    if names.iter().any(|(name, _)| image.topic(name).is_none()) {
        metrics.topics.write().retain(|name, _| image.topic(name).is_some());
        names.retain(|(name, _)| image.topic(name).is_some());
    }
    names.into_iter().map(|(name, counters)| (labels(&[("topic", &name)]), counters)).collect()
}

/// How many requests there were and where their time went.
pub(super) fn requests(out: &mut Encoder, metrics: &Metrics, memory: &ScrapeMemory, now: &Moment) {
    let mut samples = out.family(&f::REQUESTS);
    for (api, counters) in metrics.requests() {
        for (version, count) in counters.versions() {
            samples.add_with(&of(api), "version", version, count);
        }
    }
    let mut samples = out.family(&f::ERRORS);
    for (api, counters) in metrics.requests() {
        for (error, count) in counters.errors() {
            samples.add_with(&of(api), "error", error.name(), count);
        }
    }
    let times = Times { metrics, memory, now };
    times.render(out, Part::Total, &f::TOTAL_TIME, &f::TOTAL_TIME_COUNT);
    times.render(out, Part::RequestQueue, &f::REQUEST_QUEUE_TIME, &f::REQUEST_QUEUE_TIME_COUNT);
    times.render(out, Part::Local, &f::LOCAL_TIME, &f::LOCAL_TIME_COUNT);
    times.render(out, Part::Remote, &f::REMOTE_TIME, &f::REMOTE_TIME_COUNT);
    times.render(out, Part::ResponseQueue, &f::RESPONSE_QUEUE_TIME, &f::RESPONSE_QUEUE_TIME_COUNT);
    times.render(out, Part::ResponseSend, &f::RESPONSE_SEND_TIME, &f::RESPONSE_SEND_TIME_COUNT);
    let mut samples = out.family(&f::REQUEST_SECONDS);
    for (api, _) in metrics.requests() {
        if let Some(counts) = now.requests.get(&(api, Part::Total)) {
            samples.add_histogram(&of(api), counts);
        }
    }
    let unsent: i64 = metrics.requests().map(|(_, counters)| counters.unsent.load(Ordering::Relaxed)).sum();
    out.single(&f::RESPONSE_QUEUE_SIZE, unsent);
}

fn of(api: ApiKey) -> String {
    labels(&[("request", &api.name())])
}

struct Times<'a> {
    metrics: &'a Metrics,
    memory: &'a ScrapeMemory,
    now: &'a Moment,
}

impl Times<'_> {
    fn render(&self, out: &mut Encoder, part: Part, quantiles: &'static Family, count: &'static Family) {
        let mut samples = out.family(quantiles);
        for (api, _) in self.metrics.requests() {
            samples.add_quantiles(&of(api), &self.memory.recent(self.now, api, part));
        }
        let mut samples = out.family(count);
        for (api, _) in self.metrics.requests() {
            let total = self.now.requests.get(&(api, part)).map_or(0, |counts| counts.total());
            samples.add(&of(api), total);
        }
    }
}

/// Connections, and how busy the threads are that serve them.
pub(super) fn connections(out: &mut Encoder, broker: &Broker, memory: &ScrapeMemory, now: &Moment) {
    let metrics = &broker.metrics;
    out.single(&f::MEMORY_USED, broker.request_memory.used_bytes());
    if let Some(idle) = memory.idle_share(now) {
        out.single(&f::HANDLER_IDLE, idle);
        out.single(&f::NETWORK_IDLE, idle);
    }
    let mut listeners: Vec<_> =
        metrics.connections.read().iter().map(|(name, c)| (Arc::clone(name), Arc::clone(c))).collect();
    listeners.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let of = |listener: &Arc<str>| labels(&[("listener", listener)]);
    let mut samples = out.family(&f::CONNECTION_COUNT);
    listeners.iter().for_each(|(name, c)| samples.add(&of(name), c.open.load(Ordering::Relaxed)));
    let mut samples = out.family(&f::CONNECTIONS_CREATED);
    listeners.iter().for_each(|(name, c)| samples.add(&of(name), read(&c.created)));
    let mut samples = out.family(&f::CONNECTION_RATE);
    for (name, _) in &listeners {
        if let Some(rate) = memory.connection_rate(now, name) {
            samples.add(&of(name), rate);
        }
    }
}
