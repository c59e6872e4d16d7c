//! The commands' outcomes, one behaviour per test.

use std::collections::BTreeMap;
use std::sync::Arc;

use barnabas_common::{ErrorCode, Uuid};

use crate::*;

fn id(n: u8) -> Uuid {
    Uuid::from_bytes([n; 16])
}

struct Cluster {
    state: MetadataState,
    next_index: i64,
    next_topic: u8,
}

impl Cluster {
    fn of(brokers: i32) -> Self {
        let mut cluster = Self { state: MetadataState::new(Arc::new(AcceptAllConfigs)), next_index: 2, next_topic: 1 };
        let features = DEFAULT_FEATURES.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect();
        let broker_defaults = DEFAULT_BROKER_CONFIGS.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        cluster.run(MetadataCommand::Bootstrap { cluster_id: "c".to_owned(), features, broker_defaults });
        for node_id in 0..brokers {
            cluster.register(node_id, 1, -1).unwrap();
        }
        cluster
    }

    fn run(&mut self, command: MetadataCommand) -> CommandResult {
        let dry = self.state.dry_run(&command);
        let result = self.state.apply(self.next_index, &command);
        self.next_index += 1;
        assert_eq!(dry, result, "a dry run must answer as the run does");
        result
    }

    fn register(&mut self, node_id: i32, incarnation: u8, previous_broker_epoch: i64) -> ItemResult<i64> {
        let range = FeatureRange { min: 0, max: 30 };
        let command = BrokerRegistrationCommand {
            cluster_id: "c".to_owned(),
            node_id,
            incarnation_id: id(incarnation),
            directory_ids: vec![id(100 + u8::try_from(node_id).unwrap())],
            listeners: Vec::new(),
            rack: Some(format!("r{}", node_id % 3)),
            supported_features: DEFAULT_FEATURES.iter().map(|(name, _)| ((*name).to_owned(), range)).collect(),
            previous_broker_epoch,
            fenced: false,
        };
        match self.run(MetadataCommand::RegisterBroker(command)) {
            CommandResult::RegisterBroker(result) => result,
            other => panic!("{other:?}"),
        }
    }

    fn fence(&mut self, node_id: i32, fenced: bool) {
        let broker_epoch = self.image().broker(node_id).unwrap().epoch;
        let result = self.run(if fenced {
            MetadataCommand::FenceBroker { node_id, broker_epoch }
        } else {
            MetadataCommand::UnfenceBroker { node_id, broker_epoch }
        });
        assert_eq!(result, CommandResult::ChangeBroker(Ok(())));
    }

    fn item(&mut self, name: &str) -> CreateTopicsItem {
        self.next_topic += 1;
        CreateTopicsItem {
            name: name.to_owned(),
            id: id(self.next_topic),
            partitions: -1,
            replication_factor: -1,
            assignments: Vec::new(),
            configs: Vec::new(),
        }
    }

    fn create(&mut self, item: CreateTopicsItem) -> ItemResult<CreatedTopic> {
        self.create_all(vec![item]).remove(0)
    }

    fn create_all(&mut self, topics: Vec<CreateTopicsItem>) -> Vec<ItemResult<CreatedTopic>> {
        let defaults = TopicDefaults { partitions: 2, replication_factor: 1 };
        match self.run(MetadataCommand::CreateTopics { topics, defaults, validate_only: false }) {
            CommandResult::CreateTopics(results) => results,
            other => panic!("{other:?}"),
        }
    }

    fn assigned(&mut self, name: &str, assignments: &[&[i32]]) -> ItemResult<CreatedTopic> {
        let mut item = self.item(name);
        item.assignments = (0..).zip(assignments.iter().map(|replicas| replicas.to_vec())).collect();
        self.create(item)
    }

    fn grow(&mut self, name: &str, count: i32, assignments: Option<Vec<Vec<i32>>>) -> ItemResult<()> {
        let topics = vec![CreatePartitionsItem { name: name.to_owned(), count, assignments }];
        match self.run(MetadataCommand::CreatePartitions { topics, validate_only: false }) {
            CommandResult::CreatePartitions(mut results) => results.remove(0),
            other => panic!("{other:?}"),
        }
    }

    fn alter_config(&mut self, resource: ConfigResource, ops: &[(&str, ConfigOpKind, Option<&str>)]) -> ItemResult<()> {
        let ops = ops
            .iter()
            .map(|(name, kind, value)| ConfigOp { name: (*name).into(), kind: *kind, value: value.map(str::to_owned) })
            .collect();
        let resources = vec![IncrementalAlterConfigsResource { resource, ops }];
        match self.run(MetadataCommand::IncrementalAlterConfigs { resources, validate_only: false }) {
            CommandResult::AlterConfigs(mut results) => results.remove(0),
            other => panic!("{other:?}"),
        }
    }

    fn alter_isr(
        &mut self,
        topic: &str,
        leader: i32,
        new_isr: &[i32],
        partition_epoch: i32,
    ) -> ItemResult<PartitionImage> {
        let image = self.image().clone();
        let item = AlterPartitionItem {
            topic_id: image.topic(topic).unwrap().id,
            partition: 0,
            leader_epoch: image.partition(topic, 0).unwrap().leader_epoch,
            partition_epoch,
            new_isr: new_isr.iter().map(|node_id| (*node_id, -1)).collect(),
        };
        let broker_epoch = image.broker(leader).unwrap().epoch;
        match self.run(MetadataCommand::AlterPartition { broker_id: leader, broker_epoch, partitions: vec![item] }) {
            CommandResult::AlterPartition(Ok(mut results)) => results.remove(0),
            other => panic!("{other:?}"),
        }
    }

    fn elect(&mut self, partitions: Option<Vec<(String, i32)>>) -> Vec<ElectionResult> {
        match self.run(MetadataCommand::ElectLeaders { election_type: ElectionType::Preferred, partitions }) {
            CommandResult::ElectLeaders(results) => results,
            other => panic!("{other:?}"),
        }
    }

    fn image(&self) -> &MetadataImage {
        self.state.image()
    }

    fn partition(&self, topic: &str) -> PartitionImage {
        self.image().partition(topic, 0).unwrap().clone()
    }
}

fn code<T: std::fmt::Debug>(result: ItemResult<T>) -> ErrorCode {
    let error = result.unwrap_err();
    assert!(error.message.len() > 20, "a message that explains: {error}");
    error.code
}

#[test]
fn a_fresh_cluster_has_its_id_features_and_default_config() {
    let cluster = Cluster::of(1);
    let image = cluster.image();
    assert_eq!(&*image.cluster_id, "c");
    assert_eq!((image.features.level("metadata.version"), image.features.level("group.version")), (30, 0));
    assert_eq!(image.config_value(&ConfigResource::BrokerDefault, "min.insync.replicas"), Some("1"));
    assert_eq!(image.broker(0).unwrap().epoch, 3);
}

#[test]
fn bootstrap_is_repeatable_but_not_with_another_id() {
    let mut cluster = Cluster::of(1);
    let mut bootstrap = |cluster_id: &str| {
        cluster.run(MetadataCommand::Bootstrap {
            cluster_id: cluster_id.to_owned(),
            features: BTreeMap::new(),
            broker_defaults: ConfigMap::new(),
        })
    };
    assert_eq!(bootstrap("c"), CommandResult::Bootstrap(Ok(())));
    let CommandResult::Bootstrap(other) = bootstrap("d") else { panic!() };
    assert_eq!(code(other), ErrorCode::InconsistentClusterId);
    assert_eq!(cluster.image().features.level("metadata.version"), 30);
}

#[test]
fn topics_are_created_with_defaults_and_errors_stand_side_by_side() {
    let mut cluster = Cluster::of(1);
    let (a, twin, bad) = (cluster.item("a.b"), cluster.item("a.b"), cluster.item("a_b"));
    let (mut wide, mut none, mut zero) = (cluster.item("wide"), cluster.item("none"), cluster.item("zero"));
    (wide.replication_factor, none.partitions, zero.replication_factor) = (2, 0, 0);
    let mut results = cluster.create_all(vec![a, twin, bad, wide, none, zero]).into_iter();
    let created = results.next().unwrap().unwrap();
    assert_eq!((created.partitions, created.replication_factor), (2, 1));
    let codes: Vec<_> = results.map(code).collect();
    use ErrorCode::*;
    let expected = [
        TopicAlreadyExists,
        InvalidTopicException,
        InvalidReplicationFactor,
        InvalidPartitions,
        InvalidReplicationFactor,
    ];
    assert_eq!(codes, expected);
    let partition = cluster.partition("a.b");
    assert_eq!((partition.leader, partition.leader_epoch, partition.isr), (0, 0, vec![0]));
    assert_eq!(partition.directories, [id(100)]);
    assert_eq!(cluster.image().topics().len(), 1);
}

#[test]
fn huge_requests_are_refused_as_a_whole() {
    let mut cluster = Cluster::of(1);
    let (small, mut huge) = (cluster.item("small"), cluster.item("huge"));
    huge.partitions = i32::MAX;
    for result in cluster.create_all(vec![small, huge]) {
        assert_eq!(code(result), ErrorCode::PolicyViolation);
    }
    let item = cluster.item("t");
    cluster.create(item).unwrap();
    assert_eq!(code(cluster.grow("t", i32::MAX, None)), ErrorCode::PolicyViolation);
}

#[test]
fn validate_only_answers_and_changes_nothing() {
    let mut cluster = Cluster::of(1);
    let topics = vec![cluster.item("t")];
    let defaults = TopicDefaults { partitions: 1, replication_factor: 1 };
    let result = cluster.run(MetadataCommand::CreateTopics { topics, defaults, validate_only: true });
    assert!(matches!(result, CommandResult::CreateTopics(results) if results[0].is_ok()));
    assert!(cluster.image().topic("t").is_none());
    assert_eq!(cluster.image().offset, cluster.next_index - 1);
}

#[test]
fn manual_assignments_are_checked() {
    let mut cluster = Cluster::of(2);
    assert_eq!(cluster.assigned("ok", &[&[1, 0], &[0, 1]]).unwrap().replication_factor, 2);
    assert_eq!(cluster.partition("ok").leader, 1);
    let bad: [&[&[i32]]; 4] = [&[&[7]], &[&[0, 0]], &[&[]], &[&[0], &[0, 1]]];
    for assignments in bad {
        assert_eq!(code(cluster.assigned("bad", assignments)), ErrorCode::InvalidReplicaAssignment);
    }
    let mut gap = cluster.item("bad");
    gap.assignments = vec![(0, vec![0]), (2, vec![0])];
    assert_eq!(code(cluster.create(gap.clone())), ErrorCode::InvalidReplicaAssignment);
    gap.partitions = 2;
    assert_eq!(code(cluster.create(gap)), ErrorCode::InvalidRequest);
}

#[test]
fn replicas_spread_over_brokers_and_racks() {
    let mut cluster = Cluster::of(6);
    let mut item = cluster.item("t");
    (item.partitions, item.replication_factor) = (60, 3);
    cluster.create(item).unwrap();
    let mut leaders = BTreeMap::<i32, usize>::new();
    for partition in &cluster.image().topic("t").unwrap().partitions {
        *leaders.entry(partition.leader).or_default() += 1;
        let distinct: std::collections::BTreeSet<_> = partition.replicas.iter().collect();
        assert_eq!(distinct.len(), 3);
    }
    assert_eq!(leaders.into_values().collect::<Vec<_>>(), [10; 6]);
}

#[test]
fn deleted_topics_take_their_configs_along_and_may_come_back() {
    let mut cluster = Cluster::of(1);
    let mut item = cluster.item("t");
    item.configs = vec![("retention.ms".to_owned(), Some("5".to_owned()))];
    let first = cluster.create(item).unwrap();
    let mut delete = |topics| match cluster.run(MetadataCommand::DeleteTopics { topics }) {
        CommandResult::DeleteTopics(results) => results,
        other => panic!("{other:?}"),
    };
    let mut results =
        delete(vec![TopicSelector::Id(first.id), TopicSelector::Name("t".into()), TopicSelector::Id(id(99))]);
    assert_eq!(code(results.remove(2)), ErrorCode::UnknownTopicId);
    assert_eq!(code(results.remove(1)), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(results.remove(0).unwrap().name, "t");
    assert!(cluster.image().config(&ConfigResource::Topic("t".to_owned())).is_none());
    let item = cluster.item("t");
    assert_ne!(cluster.create(item).unwrap().id, first.id);
    assert!(cluster.image().topic_by_id(first.id).is_none());
}

#[test]
fn partitions_only_grow() {
    let mut cluster = Cluster::of(1);
    let item = cluster.item("t");
    cluster.create(item).unwrap();
    assert_eq!(code(cluster.grow("t", 2, None)), ErrorCode::InvalidPartitions);
    assert_eq!(code(cluster.grow("t", 1, None)), ErrorCode::InvalidPartitions);
    assert_eq!(code(cluster.grow("t", -1, None)), ErrorCode::InvalidPartitions);
    assert_eq!(code(cluster.grow("x", 3, None)), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(code(cluster.grow("t", 4, Some(vec![vec![0]]))), ErrorCode::InvalidReplicaAssignment);
    assert_eq!(code(cluster.grow("t", 3, Some(vec![vec![5]]))), ErrorCode::InvalidReplicaAssignment);
    cluster.grow("t", 4, Some(vec![vec![0], vec![0]])).unwrap();
    cluster.grow("t", 5, None).unwrap();
    assert_eq!(cluster.image().topic("t").unwrap().partitions.len(), 5);
}

#[test]
fn lists_are_appended_to_and_subtracted_from() {
    use ConfigOpKind::{Append, Delete, Set, Subtract};
    let mut cluster = Cluster::of(1);
    let item = cluster.item("t");
    cluster.create(item).unwrap();
    let topic = ConfigResource::Topic("t".to_owned());
    let policy = |cluster: &Cluster| cluster.image().config_value(&topic, "cleanup.policy").map(str::to_owned);
    cluster.alter_config(topic.clone(), &[("cleanup.policy", Append, Some("compact"))]).unwrap();
    assert_eq!(policy(&cluster).as_deref(), Some("delete,compact"));
    cluster.alter_config(topic.clone(), &[("cleanup.policy", Subtract, Some("delete,compact"))]).unwrap();
    assert_eq!(policy(&cluster).as_deref(), Some(""));
    cluster.alter_config(topic.clone(), &[("cleanup.policy", Delete, None), ("never.set", Delete, None)]).unwrap();
    assert_eq!(policy(&cluster), None);
    let mut refused = |ops: &[_]| code(cluster.alter_config(topic.clone(), ops));
    assert_eq!(refused(&[("retention.ms", Append, Some("1"))]), ErrorCode::InvalidConfig);
    assert_eq!(refused(&[("a", Set, Some("1")), ("a", Delete, None)]), ErrorCode::InvalidRequest);
    assert_eq!(refused(&[("a", Set, None)]), ErrorCode::InvalidRequest);
    let missing = ConfigResource::Topic("x".to_owned());
    assert_eq!(code(cluster.alter_config(missing, &[])), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(code(cluster.alter_config(ConfigResource::Broker(9), &[])), ErrorCode::BrokerIdNotRegistered);
    cluster.alter_config(ConfigResource::Group("g".to_owned()), &[("x", Set, Some("1"))]).unwrap();
}

#[test]
fn the_old_form_resets_what_it_does_not_name() {
    let mut cluster = Cluster::of(1);
    let mut item = cluster.item("t");
    item.configs = vec![("a".to_owned(), Some("1".to_owned())), ("b".to_owned(), Some("2".to_owned()))];
    cluster.create(item).unwrap();
    let resource = ConfigResource::Topic("t".to_owned());
    let configs = vec![("b".to_owned(), Some("3".to_owned()))];
    let resources = vec![AlterConfigsResource { resource: resource.clone(), configs }];
    let result = cluster.run(MetadataCommand::AlterConfigs { resources, validate_only: false });
    assert_eq!(result, CommandResult::AlterConfigs(vec![Ok(())]));
    assert_eq!(cluster.image().config_value(&resource, "a"), None);
    assert_eq!(cluster.image().config_value(&resource, "b"), Some("3"));
}

#[test]
fn the_clusters_min_isr_stays_set_while_elr_is_on() {
    use ConfigOpKind::{Delete, Set};
    let mut cluster = Cluster::of(1);
    let name = "min.insync.replicas";
    let all = ConfigResource::BrokerDefault;
    assert_eq!(code(cluster.alter_config(all.clone(), &[(name, Delete, None)])), ErrorCode::InvalidConfig);
    let one = ConfigResource::Broker(0);
    assert_eq!(code(cluster.alter_config(one, &[(name, Set, Some("2"))])), ErrorCode::InvalidConfig);
    cluster.alter_config(all, &[(name, Set, Some("2"))]).unwrap();
    assert_eq!(cluster.image().min_insync_replicas("t"), 2);
}

#[test]
fn a_restarted_broker_leads_on_with_a_new_leader_epoch() {
    let mut cluster = Cluster::of(1);
    let item = cluster.item("t");
    cluster.create(item).unwrap();
    let first = cluster.image().broker(0).unwrap().epoch;
    assert_eq!(cluster.register(0, 1, -1).unwrap(), first, "a retry of the same incarnation");
    assert_eq!(cluster.partition("t").leader_epoch, 0);
    assert!(cluster.register(0, 2, -1).unwrap() > first);
    let partition = cluster.partition("t");
    assert_eq!((partition.leader, partition.leader_epoch, partition.partition_epoch), (0, 1, 1));
    assert_eq!(partition.isr, [0]);
}

#[test]
fn a_second_broker_cannot_take_a_living_brokers_id() {
    let mut cluster = Cluster::of(2);
    let registration = |node_id, cluster_id: &str| {
        MetadataCommand::RegisterBroker(BrokerRegistrationCommand {
            cluster_id: cluster_id.to_owned(),
            node_id,
            incarnation_id: id(77),
            directory_ids: vec![id(88)],
            listeners: Vec::new(),
            rack: None,
            supported_features: BTreeMap::new(),
            previous_broker_epoch: -1,
            fenced: true,
        })
    };
    let mut attempt = |command| match cluster.run(command) {
        CommandResult::RegisterBroker(result) => code(result),
        other => panic!("{other:?}"),
    };
    assert_eq!(attempt(registration(1, "c")), ErrorCode::DuplicateBrokerRegistration);
    assert_eq!(attempt(registration(5, "other")), ErrorCode::InconsistentClusterId);
    assert_eq!(attempt(registration(5, "c")), ErrorCode::UnsupportedVersion);
}

#[test]
fn leadership_follows_fencing_and_the_last_in_sync_replica_is_waited_for() {
    let mut cluster = Cluster::of(2);
    cluster.assigned("t", &[&[0, 1]]).unwrap();
    cluster.fence(0, true);
    let partition = cluster.partition("t");
    assert_eq!((partition.leader, partition.leader_epoch, &*partition.isr), (1, 1, &[1][..]));
    cluster.fence(1, true);
    let partition = cluster.partition("t");
    assert_eq!((partition.leader, partition.leader_epoch, &*partition.isr), (NO_LEADER, 2, &[1][..]));
    cluster.fence(0, false);
    assert_eq!(cluster.partition("t").leader, NO_LEADER, "broker 0 was not in sync");
    cluster.fence(1, false);
    let partition = cluster.partition("t");
    assert_eq!((partition.leader, partition.leader_epoch), (1, 3));
}

#[test]
fn replicas_that_drop_below_the_minimum_stay_eligible() {
    let mut cluster = Cluster::of(2);
    cluster
        .alter_config(ConfigResource::BrokerDefault, &[("min.insync.replicas", ConfigOpKind::Set, Some("2"))])
        .unwrap();
    cluster.assigned("t", &[&[0, 1]]).unwrap();
    cluster.fence(0, true);
    assert_eq!(cluster.partition("t").elr, [0]);
    cluster.fence(1, true);
    cluster.fence(0, false);
    let partition = cluster.partition("t");
    assert_eq!((partition.leader, &*partition.isr, &*partition.elr), (0, &[0][..], &[1][..]));
}

#[test]
fn an_unclean_restart_leaves_the_isr_when_others_remain() {
    let mut cluster = Cluster::of(2);
    cluster.assigned("t", &[&[0, 1]]).unwrap();
    let epoch = cluster.image().broker(1).unwrap().epoch;
    cluster.register(1, 2, epoch).unwrap();
    assert_eq!(cluster.partition("t").isr, [0, 1], "a clean restart changes nothing for a follower");
    cluster.register(1, 3, -1).unwrap();
    assert_eq!(cluster.partition("t").isr, [0]);
}

#[test]
fn isr_changes_are_fenced_by_epochs() {
    let mut cluster = Cluster::of(3);
    cluster.assigned("t", &[&[0, 1]]).unwrap();
    assert_eq!(cluster.alter_isr("t", 0, &[0], 0).unwrap().partition_epoch, 1);
    assert_eq!(code(cluster.alter_isr("t", 0, &[0, 1], 0)), ErrorCode::InvalidUpdateVersion);
    assert_eq!(code(cluster.alter_isr("t", 0, &[0, 1], 2)), ErrorCode::NotController);
    assert_eq!(code(cluster.alter_isr("t", 1, &[0, 1], 1)), ErrorCode::InvalidRequest);
    assert_eq!(code(cluster.alter_isr("t", 0, &[1], 1)), ErrorCode::InvalidRequest);
    assert_eq!(code(cluster.alter_isr("t", 0, &[0, 2], 1)), ErrorCode::InvalidRequest);
    cluster.fence(1, true);
    assert_eq!(code(cluster.alter_isr("t", 0, &[0, 1], 1)), ErrorCode::IneligibleReplica);
    cluster.fence(1, false);
    assert_eq!(cluster.alter_isr("t", 0, &[0, 1], 1).unwrap().isr, [0, 1]);
    let stale = MetadataCommand::AlterPartition { broker_id: 0, broker_epoch: 1, partitions: Vec::new() };
    let CommandResult::AlterPartition(Err(error)) = cluster.run(stale) else { panic!() };
    assert_eq!(error.code, ErrorCode::StaleBrokerEpoch);
}

#[test]
fn preferred_leaders_come_back_when_asked_for() {
    let mut cluster = Cluster::of(2);
    cluster.assigned("t", &[&[0, 1]]).unwrap();
    assert!(cluster.elect(None).is_empty());
    let one = || Some(vec![("t".to_owned(), 0), ("t".to_owned(), 9)]);
    let mut results = cluster.elect(one());
    assert_eq!(code(results.remove(1).leader), ErrorCode::UnknownTopicOrPartition);
    assert_eq!(code(results.remove(0).leader), ErrorCode::ElectionNotNeeded);
    cluster.fence(0, true);
    assert_eq!(code(cluster.elect(one()).remove(0).leader), ErrorCode::PreferredLeaderNotAvailable);
    cluster.fence(0, false);
    let epoch = cluster.partition("t").partition_epoch;
    cluster.alter_isr("t", 1, &[0, 1], epoch).unwrap();
    assert_eq!(cluster.elect(None).remove(0).leader.unwrap(), 0);
    assert_eq!((cluster.partition("t").leader, cluster.partition("t").leader_epoch), (0, 2));
}

#[test]
fn producer_ids_come_in_blocks_to_registered_brokers() {
    let mut cluster = Cluster::of(1);
    let broker_epoch = cluster.image().broker(0).unwrap().epoch;
    let mut allocate =
        |broker_id, broker_epoch| match cluster.run(MetadataCommand::AllocateProducerIds { broker_id, broker_epoch }) {
            CommandResult::AllocateProducerIds(result) => result,
            other => panic!("{other:?}"),
        };
    assert_eq!(allocate(0, broker_epoch).unwrap(), ProducerIdBlock { first: 0, len: 1000 });
    assert_eq!(allocate(0, broker_epoch).unwrap().first, 1000);
    assert_eq!(code(allocate(0, broker_epoch + 1)), ErrorCode::StaleBrokerEpoch);
    assert_eq!(code(allocate(4, 0)), ErrorCode::BrokerIdNotRegistered);
}

#[test]
fn features_move_only_where_every_broker_can_follow() {
    let mut cluster = Cluster::of(2);
    let mut update = |name: &str, level, kind| {
        let updates = vec![FeatureUpdate { name: name.to_owned(), level, kind }];
        match cluster.run(MetadataCommand::UpdateFeatures { updates, validate_only: false }) {
            CommandResult::UpdateFeatures(result) => result,
            other => panic!("{other:?}"),
        }
    };
    let elr = "eligible.leader.replicas.version";
    assert_eq!(code(update(elr, 0, FeatureUpdateKind::Upgrade)), ErrorCode::InvalidUpdateVersion);
    assert_eq!(code(update(elr, 31, FeatureUpdateKind::Upgrade)), ErrorCode::InvalidUpdateVersion);
    assert_eq!(code(update("nonsense", 1, FeatureUpdateKind::Upgrade)), ErrorCode::InvalidUpdateVersion);
    update(elr, 0, FeatureUpdateKind::SafeDowngrade).unwrap();
    assert_eq!(cluster.image().features.level(elr), 0);
    assert_eq!(cluster.image().features.epoch, cluster.next_index - 1);
}

#[test]
fn the_delta_names_what_changed_and_nothing_else() {
    let mut cluster = Cluster::of(1);
    for name in ["gone", "kept", "grows", "again"] {
        let item = cluster.item(name);
        cluster.create(item).unwrap();
    }
    let before = cluster.image().clone();
    assert!(MetadataDelta::between(&before, &before.clone()).is_empty());
    let topics = ["gone", "again"].map(|name| TopicSelector::Name(name.to_owned())).to_vec();
    cluster.run(MetadataCommand::DeleteTopics { topics });
    let item = cluster.item("again");
    cluster.create(item).unwrap();
    cluster.grow("grows", 3, None).unwrap();
    let kept = ConfigResource::Topic("kept".to_owned());
    cluster.alter_config(kept.clone(), &[("retention.ms", ConfigOpKind::Set, Some("9"))]).unwrap();
    let delta = MetadataDelta::between(&before, cluster.image());
    let names = |topics: &[Arc<TopicImage>]| topics.iter().map(|t| t.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&delta.created_topics), ["again"]);
    assert_eq!(names(&delta.deleted_topics), ["again", "gone"]);
    assert_eq!(delta.changed_topics.len(), 1);
    assert_eq!(delta.changed_topics[0].changed_partitions().collect::<Vec<_>>(), [2]);
    assert_eq!(delta.changed_configs, [kept]);
    assert!(delta.changed_brokers.is_empty() && !delta.features_changed);
}

#[test]
fn snapshots_round_trip_and_no_damaged_byte_is_accepted() {
    let mut cluster = Cluster::of(3);
    let mut item = cluster.item("t");
    (item.replication_factor, item.configs) = (2, vec![("x".to_owned(), Some("ü".to_owned()))]);
    cluster.create(item).unwrap();
    let bytes = encode_image(cluster.image()).unwrap();
    assert_eq!(&decode_image(&bytes).unwrap(), cluster.image());
    for len in 0..bytes.len() {
        assert!(decode_image(&bytes[..len]).is_err());
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        assert!(decode_image(&damaged).is_err(), "byte {at}");
    }
}

#[test]
fn commands_and_results_survive_the_log() {
    let mut cluster = Cluster::of(1);
    let item = cluster.item("t");
    let defaults = TopicDefaults { partitions: 1, replication_factor: 1 };
    let command = MetadataCommand::CreateTopics { topics: vec![item.clone(), item], defaults, validate_only: false };
    let text = serde_json::to_string(&command).unwrap();
    assert_eq!(serde_json::from_str::<MetadataCommand>(&text).unwrap(), command);
    let result = cluster.run(command);
    let text = serde_json::to_string(&result).unwrap();
    assert_eq!(serde_json::from_str::<CommandResult>(&text).unwrap(), result);
}
