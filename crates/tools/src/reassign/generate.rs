//! `--generate`: what there is, and what could be.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};

use barnabas_protocol::messages::metadata_response::MetadataResponseBroker;
use serde_json::json;

use super::placement::{self, Place};
use super::plan::{self, Assignment, LogDirs};
use super::{current_log_dirs, exception, existing, finish, parsed, say};
use crate::client::Client;
use crate::{Context, Failure};

pub(super) fn generate(
    context: &mut Context<'_>,
    client: &mut Client,
    topics: &str,
    brokers: &str,
    rack_aware: bool,
) -> Result<(), Failure> {
    let brokers = plan::parse_brokers(brokers)?;
    let topics: BTreeSet<String> = plan::parse_topics(topics)?.into_iter().collect();
    let current = existing(client, &topics)?;
    let log_dirs = current_log_dirs(client, &current)?;
    let places = places(client, &brokers, rack_aware)?;
    let mut proposed = Assignment::new();
    for topic in &topics {
        let of_topic: Vec<_> = current.iter().filter(|((name, _), _)| name == topic).collect();
        let factor = of_topic.first().map_or(0, |(_, replicas)| replicas.len());
        // Like Kafka's, a proposal starts at a place that is drawn for each topic.
        let start = usize::try_from(RandomState::new().build_hasher().finish() >> 1).unwrap_or_default();
        let rows = placement::place(&places, of_topic.len(), factor, start);
        let class = "org.apache.kafka.common.errors.InvalidReplicationFactorException";
        let rows = rows.map_err(|message| exception(class, &message))?;
        proposed.extend(of_topic.into_iter().map(|(partition, _)| partition.clone()).zip(rows));
    }
    let (current, proposed) = (plan::document(&current, &log_dirs), plan::document(&proposed, &LogDirs::new()));
    say(context, format_args!("Current partition replica assignment\n{current}\n"))?;
    say(context, format_args!("Proposed partition reassignment configuration\n{proposed}"))?;
    finish(context, &json!({ "current": parsed(&current), "proposed": parsed(&proposed) }))
}

fn places(client: &Client, brokers: &[i32], rack_aware: bool) -> Result<Vec<Place>, Failure> {
    let chosen = client.brokers().filter(|broker| brokers.contains(&broker.node_id));
    let place = |broker: &MetadataResponseBroker| Place {
        id: broker.node_id,
        rack: broker.rack.clone().filter(|_| rack_aware),
    };
    let places: Vec<Place> = chosen.map(place).collect();
    let rackless = places.iter().filter(|place| place.rack.is_none()).count();
    if rack_aware && rackless != 0 && rackless != places.len() {
        return Err(exception(
            "org.apache.kafka.tools.AdminOperationException",
            "Not all brokers have rack information. Add --disable-rack-aware in command line to make replica assignment \
             without rack information.",
        ));
    }
    Ok(places)
}
