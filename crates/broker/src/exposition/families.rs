//! The table of all metric families: one row each, from which the exposition takes headers and `docs/METRICS.md`
//! its text. Names and labels are those of existing dashboards and alerts: change none.

/// What kind of value a family has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Where a name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The example rules of jmx_exporter for Kafka, in lower case.
    Jmx,
    /// danielqsj/kafka_exporter.
    KafkaExporter,
    /// The exporters that tell lag as time.
    LagExporter,
    /// What every Prometheus client library tells of its process.
    Process,
    /// Ours: nobody else has it.
    Own,
}

/// One metric family.
#[derive(Debug)]
pub(super) struct Family {
    pub name: &'static str,
    pub kind: Kind,
    pub origin: Origin,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

macro_rules! families {
    ($($id:ident = $origin:ident $kind:ident $name:literal [$($label:literal)*] $help:literal;)*) => {
        $(pub(super) static $id: Family = Family {
            name: $name,
            kind: Kind::$kind,
            origin: Origin::$origin,
            labels: &[$($label),*],
            help: $help,
        };)*

        /// Every family, in the order of the documentation.
        pub(super) static ALL: &[&Family] = &[$(&$id),*];
    };
}

families! {
    MESSAGES_IN = Jmx Counter "kafka_server_brokertopicmetrics_messagesin_total" ["topic"] "Records appended. Without topic: of all topics, deleted ones included.";
    BYTES_IN = Jmx Counter "kafka_server_brokertopicmetrics_bytesin_total" ["topic"] "Bytes of record batches appended, as clients sent them.";
    BYTES_OUT = Jmx Counter "kafka_server_brokertopicmetrics_bytesout_total" ["topic"] "Bytes of record batches given to consumers.";
    PRODUCE_REQUESTS = Jmx Counter "kafka_server_brokertopicmetrics_totalproducerequests_total" ["topic"] "Appends, counted per partition of a request.";
    FETCH_REQUESTS = Jmx Counter "kafka_server_brokertopicmetrics_totalfetchrequests_total" ["topic"] "Reads, counted per partition of an answer.";
    FAILED_PRODUCE_REQUESTS = Jmx Counter "kafka_server_brokertopicmetrics_failedproducerequests_total" ["topic"] "Appends that the log refused or could not do.";
    FAILED_FETCH_REQUESTS = Jmx Counter "kafka_server_brokertopicmetrics_failedfetchrequests_total" ["topic"] "Reads that failed for a reason of the broker or its disk.";

    REQUESTS = Jmx Counter "kafka_network_requestmetrics_requests_total" ["request" "version"] "Requests that reached their handler.";
    ERRORS = Jmx Counter "kafka_network_requestmetrics_errors_total" ["request" "error"] "Errors answered. Counted for each partition of Produce and Fetch; other requests are not counted yet.";
    TOTAL_TIME = Jmx Gauge "kafka_network_requestmetrics_totaltimems" ["request" "quantile"] "Milliseconds from the last byte of the request read to the last byte of its answer written, over the last one to two minutes. Absent without requests.";
    TOTAL_TIME_COUNT = Jmx Counter "kafka_network_requestmetrics_totaltimems_count" ["request"] "Requests done.";
    REQUEST_QUEUE_TIME = Jmx Gauge "kafka_network_requestmetrics_requestqueuetimems" ["request" "quantile"] "Milliseconds that a request lay in its connection's buffer before its handler began.";
    REQUEST_QUEUE_TIME_COUNT = Jmx Counter "kafka_network_requestmetrics_requestqueuetimems_count" ["request"] "Requests begun.";
    LOCAL_TIME = Jmx Gauge "kafka_network_requestmetrics_localtimems" ["request" "quantile"] "Milliseconds that the handler worked, logs included.";
    LOCAL_TIME_COUNT = Jmx Counter "kafka_network_requestmetrics_localtimems_count" ["request"] "Requests handled.";
    REMOTE_TIME = Jmx Gauge "kafka_network_requestmetrics_remotetimems" ["request" "quantile"] "Milliseconds that the request waited: for data, for members of a group, for the metadata quorum, for a blocking thread.";
    REMOTE_TIME_COUNT = Jmx Counter "kafka_network_requestmetrics_remotetimems_count" ["request"] "Requests handled.";
    RESPONSE_QUEUE_TIME = Jmx Gauge "kafka_network_requestmetrics_responsequeuetimems" ["request" "quantile"] "Milliseconds that the answer waited for those before it on its connection.";
    RESPONSE_QUEUE_TIME_COUNT = Jmx Counter "kafka_network_requestmetrics_responsequeuetimems_count" ["request"] "Answers sent.";
    RESPONSE_SEND_TIME = Jmx Gauge "kafka_network_requestmetrics_responsesendtimems" ["request" "quantile"] "Milliseconds until the socket had taken the answer, and those that were written together with it.";
    RESPONSE_SEND_TIME_COUNT = Jmx Counter "kafka_network_requestmetrics_responsesendtimems_count" ["request"] "Answers sent.";
    REQUEST_SECONDS = Own Histogram "kafka_network_requestmetrics_totaltime_seconds" ["request" "le"] "The same as totaltimems since the start, as a histogram that can be summed over brokers.";
    RESPONSE_QUEUE_SIZE = Jmx Gauge "kafka_network_requestchannel_responsequeuesize" [] "Answers that are made and not yet sent. There is no queue of requests to measure: each is handled by the task that read it.";
    HANDLER_IDLE = Jmx Gauge "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent" [] "Share of time, 0 to 1, that the worker threads had nothing to do. The same threads serve sockets and handle requests.";
    NETWORK_IDLE = Jmx Gauge "kafka_network_socketserver_networkprocessoravgidle_percent" [] "The same share: there are no network threads apart.";
    MEMORY_USED = Jmx Gauge "kafka_network_socketserver_memorypoolused" [] "Bytes held by large requests that are still coming in.";
    CONNECTION_COUNT = Jmx Gauge "kafka_server_socket_server_metrics_connection_count" ["listener"] "Open connections.";
    CONNECTIONS_CREATED = Jmx Counter "kafka_server_socket_server_metrics_connection_creation_total" ["listener"] "Connections accepted.";
    CONNECTION_RATE = Jmx Gauge "kafka_server_socket_server_metrics_connection_creation_rate" ["listener"] "Connections accepted per second, over the last one to two minutes. Absent in the first scrape.";

    LEADER_COUNT = Jmx Gauge "kafka_server_replicamanager_leadercount" [] "Partitions that this broker leads.";
    PARTITION_COUNT = Jmx Gauge "kafka_server_replicamanager_partitioncount" [] "Partitions of which this broker holds a replica.";
    OFFLINE_REPLICAS = Jmx Gauge "kafka_server_replicamanager_offlinereplicacount" [] "Replicas of this broker whose log is out of service.";
    UNDER_REPLICATED = Jmx Gauge "kafka_server_replicamanager_underreplicatedpartitions" [] "Partitions led here with fewer replicas in sync than they have.";
    UNDER_MIN_ISR = Jmx Gauge "kafka_server_replicamanager_underminisrpartitioncount" [] "Partitions led here with fewer replicas in sync than min.insync.replicas.";
    AT_MIN_ISR = Jmx Gauge "kafka_server_replicamanager_atminisrpartitioncount" [] "Partitions led here with exactly min.insync.replicas in sync.";
    ISR_SHRINKS = Jmx Counter "kafka_server_replicamanager_isrshrinks_total" [] "Times that a replica left an ISR, as the metadata told it.";
    ISR_EXPANDS = Jmx Counter "kafka_server_replicamanager_isrexpands_total" [] "Times that a replica joined an ISR, as the metadata told it.";
    PARTITION_UNDER_REPLICATED = Jmx Gauge "kafka_cluster_partition_underreplicated" ["topic" "partition"] "1 if fewer replicas are in sync than there are. Of partitions led here.";
    PARTITION_UNDER_MIN_ISR = Jmx Gauge "kafka_cluster_partition_underminisr" ["topic" "partition"] "1 if fewer replicas are in sync than min.insync.replicas.";
    PARTITION_AT_MIN_ISR = Jmx Gauge "kafka_cluster_partition_atminisr" ["topic" "partition"] "1 if exactly min.insync.replicas are in sync.";
    PARTITION_REPLICAS = Jmx Gauge "kafka_cluster_partition_replicascount" ["topic" "partition"] "Replicas.";
    PARTITION_IN_SYNC = Jmx Gauge "kafka_cluster_partition_insyncreplicascount" ["topic" "partition"] "Replicas in sync.";
    PARTITION_LSO_LAG = Jmx Gauge "kafka_cluster_partition_laststableoffsetlag" ["topic" "partition"] "Offsets between the last stable offset and the high watermark.";
    LOG_SIZE = Jmx Gauge "kafka_log_log_size" ["topic" "partition"] "Bytes of the segments.";
    LOG_START_OFFSET = Jmx Gauge "kafka_log_log_logstartoffset" ["topic" "partition"] "First offset that can be read.";
    LOG_END_OFFSET = Jmx Gauge "kafka_log_log_logendoffset" ["topic" "partition"] "Offset of the next record.";
    LOG_SEGMENTS = Jmx Gauge "kafka_log_log_numlogsegments" ["topic" "partition"] "Segments.";
    LOG_FLUSH_TIME = Jmx Gauge "kafka_log_logflushstats_logflushrateandtimems" ["quantile"] "Milliseconds that a sync of a segment to disk took, over the last one to two minutes. Absent without syncs.";
    LOG_FLUSH_COUNT = Jmx Counter "kafka_log_logflushstats_logflushrateandtimems_count" [] "Syncs of segments to disk: of those that are closed or compacted, of large appends, and of what has to leave a full journal; with barnabas.durability=page-cache by flush.messages and flush.ms instead of the last two. Acknowledgements of small appends wait for barnabas_journal_sync_seconds. Unlike in Kafka, the metadata log is not in it.";
    RECOPY_PERCENT = Jmx Gauge "kafka_log_logcleaner_cleaner_recopy_percent" [] "What remained of the bytes that were compacted, in percent, over the last compaction of each cleaner thread. This and the next two are absent until there has been one; Kafka tells whole numbers.";
    MAX_CLEAN_TIME = Jmx Gauge "kafka_log_logcleaner_max_clean_time_secs" [] "Seconds that the longest of these took.";
    MAX_BUFFER_UTILIZATION = Jmx Gauge "kafka_log_logcleaner_max_buffer_utilization_percent" [] "The most of the memory for keys that one of these took, in percent of log.cleaner.dedupe.buffer.size; at log.cleaner.io.buffer.load.factor one log needs several rounds.";
    MAX_COMPACTION_DELAY = Jmx Gauge "kafka_log_logcleaner_max_compaction_delay_secs" [] "Seconds that records of a closed segment had waited beyond max.compaction.lag.ms at most, when the threads looked last.";
    DEAD_THREADS = Jmx Gauge "kafka_log_logcleaner_deadthreadcount" [] "Cleaner threads that failed and have not begun anew; unlike Kafka's they do, after 15 seconds. This and all of the cleaner are absent without cleaner threads.";
    TIME_SINCE_LAST_RUN = Jmx Gauge "kafka_log_logcleanermanager_time_since_last_run_ms" [] "Milliseconds since a cleaner thread looked for a log to compact. It looks each log.cleaner.backoff.ms, and after each compaction.";
    MAX_DIRTY_PERCENT = Jmx Gauge "kafka_log_logcleanermanager_max_dirty_percent" [] "Share of bytes not compacted yet in the dirtiest compacted log when a thread looked last, in percent.";
    UNCLEANABLE_PARTITIONS = Jmx Gauge "kafka_log_logcleanermanager_uncleanable_partitions_count" ["logDirectory"] "Compacted logs that could not be compacted and are left alone until the next start.";
    UNCLEANABLE_BYTES = Jmx Gauge "kafka_log_logcleanermanager_uncleanable_bytes" ["logDirectory"] "Bytes in them that have not been compacted.";
    OFFLINE_DIRS = Jmx Gauge "kafka_log_logmanager_offlinelogdirectorycount" [] "Data folders that have failed and are out of use until a restart.";
    DIR_OFFLINE = Jmx Gauge "kafka_log_logmanager_logdirectoryoffline" ["logDirectory"] "1 if the data folder has failed and is out of use until a restart. Its partitions are not served.";
    DIR_TOTAL = Own Gauge "kafka_log_logdir_total_bytes" ["logDirectory"] "Size of the volume that holds the data folder.";
    DIR_USABLE = Own Gauge "kafka_log_logdir_usable_bytes" ["logDirectory"] "Bytes of that volume that the broker can still write.";
    DIR_USED = Own Gauge "kafka_log_logdir_used_bytes" ["logDirectory"] "Bytes of the segments of all partitions in the data folder.";

    DIR_RESERVE = Own Gauge "barnabas_logdir_reserve_bytes" ["logDirectory"] "Free bytes below which producers are refused (barnabas.disk.reserve.bytes).";
    DIR_REFUSES = Own Gauge "barnabas_logdir_refuses_writes" ["logDirectory"] "1 while appends are refused for lack of room: there is less than the reserve, or the disk had none for the last append, as it happens with the reserve switched off.";
    DIR_REFUSED_APPENDS = Own Counter "barnabas_logdir_refused_appends_total" ["logDirectory"] "Appends refused for lack of room, for the one reason or the other.";

    JOURNAL_SYNC_SECONDS = Own Histogram "barnabas_journal_sync_seconds" ["logDirectory" "le"] "How long the disk takes to sync one group of appends in the journal; acknowledgements wait for it. Its count is that of groups. Absent, like the others of the journal, with barnabas.durability=page-cache.";
    JOURNAL_BYTES = Own Counter "barnabas_journal_written_bytes_total" ["logDirectory"] "Bytes written to the journal and synced.";
    JOURNAL_APPENDS = Own Counter "barnabas_journal_appends_total" ["logDirectory"] "Appends in them. By groups: how many share one sync.";
    JOURNAL_BYPASSED = Own Counter "barnabas_journal_bypassing_appends_total" ["logDirectory"] "Appends that were made durable by a sync of their segment instead: large ones, and all while no file of the journal is free.";
    JOURNAL_FILES = Own Gauge "barnabas_journal_files" ["logDirectory" "state"] "Files of the journal that are free, and that are full: the segments of what is in those have not been synced yet. One more is being written.";
    JOURNAL_IS_BEHIND = Own Gauge "barnabas_journal_is_behind" ["logDirectory"] "1 while so much waits for the disk that producers wait before they are read on, whatever acks they ask for.";

    ACTIVE_CONTROLLERS = Jmx Gauge "kafka_controller_kafkacontroller_activecontrollercount" [] "1 on the node that leads the metadata quorum.";
    OFFLINE_PARTITIONS = Jmx Gauge "kafka_controller_kafkacontroller_offlinepartitionscount" [] "Partitions without a leader that serves them.";
    PREFERRED_IMBALANCE = Jmx Gauge "kafka_controller_kafkacontroller_preferredreplicaimbalancecount" [] "Partitions whose leader is not their first replica.";
    GLOBAL_TOPICS = Jmx Gauge "kafka_controller_kafkacontroller_globaltopiccount" [] "Topics of the cluster.";
    GLOBAL_PARTITIONS = Jmx Gauge "kafka_controller_kafkacontroller_globalpartitioncount" [] "Partitions of the cluster.";
    ACTIVE_BROKERS = Jmx Gauge "kafka_controller_kafkacontroller_activebrokercount" [] "Registered brokers that are not fenced.";
    FENCED_BROKERS = Jmx Gauge "kafka_controller_kafkacontroller_fencedbrokercount" [] "Registered brokers that are fenced.";
    UNCLEAN_ELECTIONS = Jmx Counter "kafka_controller_controllerstats_uncleanleaderelections_total" [] "Elections of a leader that was not in sync, as the metadata told it.";
    RAFT_STATE = Jmx Gauge "kafka_server_raftmetrics_current_state" ["current_state"] "1, with the role of this node in the metadata quorum as label.";
    RAFT_LEADER = Jmx Gauge "kafka_server_raftmetrics_current_leader" [] "Node that leads the metadata quorum; -1 if none.";
    RAFT_EPOCH = Jmx Gauge "kafka_server_raftmetrics_current_epoch" [] "Epoch of the metadata quorum.";
    RAFT_HIGH_WATERMARK = Jmx Gauge "kafka_server_raftmetrics_high_watermark" [] "Offset up to which the metadata log is committed.";
    RAFT_LOG_END = Jmx Gauge "kafka_server_raftmetrics_log_end_offset" [] "Offset of the next entry of the metadata log.";
    RAFT_COMMIT_LATENCY = Jmx Gauge "kafka_server_raftmetrics_commit_latency_avg" [] "Milliseconds to commit a command, on average over the last one to two minutes. Absent without commands.";

    GROUPS = Jmx Gauge "kafka_coordinator_group_groupmetadatamanager_numgroups" [] "Groups that this broker coordinates.";
    GROUPS_PREPARING = Jmx Gauge "kafka_coordinator_group_groupmetadatamanager_numgroupspreparingrebalance" [] "Groups in state PreparingRebalance.";
    GROUPS_COMPLETING = Jmx Gauge "kafka_coordinator_group_groupmetadatamanager_numgroupscompletingrebalance" [] "Groups in state CompletingRebalance.";
    GROUPS_STABLE = Jmx Gauge "kafka_coordinator_group_groupmetadatamanager_numgroupsstable" [] "Groups in state Stable.";
    GROUPS_DEAD = Jmx Gauge "kafka_coordinator_group_groupmetadatamanager_numgroupsdead" [] "Groups in state Dead.";
    GROUPS_EMPTY = Jmx Gauge "kafka_coordinator_group_groupmetadatamanager_numgroupsempty" [] "Groups in state Empty.";
    GROUP_OFFSETS = Jmx Gauge "kafka_coordinator_group_groupmetadatamanager_numoffsets" [] "Committed offsets.";

    BROKERS = KafkaExporter Gauge "kafka_brokers" [] "Brokers of the cluster. Told by the controller only, so that sums over brokers are right.";
    BROKER_INFO = KafkaExporter Gauge "kafka_broker_info" ["id" "address"] "1 per broker. Told by the controller only.";
    TOPIC_PARTITIONS = KafkaExporter Gauge "kafka_topic_partitions" ["topic"] "Partitions of the topic. Told by the controller only.";
    CURRENT_OFFSET = KafkaExporter Gauge "kafka_topic_partition_current_offset" ["topic" "partition"] "High watermark. Told, like all of the partition, by its leader only.";
    OLDEST_OFFSET = KafkaExporter Gauge "kafka_topic_partition_oldest_offset" ["topic" "partition"] "Log start offset.";
    PARTITION_LEADER = KafkaExporter Gauge "kafka_topic_partition_leader" ["topic" "partition"] "Id of the leader.";
    LEADER_IS_PREFERRED = KafkaExporter Gauge "kafka_topic_partition_leader_is_preferred" ["topic" "partition"] "1 if the leader is the first replica.";
    REPLICAS = KafkaExporter Gauge "kafka_topic_partition_replicas" ["topic" "partition"] "Replicas.";
    IN_SYNC_REPLICAS = KafkaExporter Gauge "kafka_topic_partition_in_sync_replica" ["topic" "partition"] "Replicas in sync.";
    UNDER_REPLICATED_PARTITION = KafkaExporter Gauge "kafka_topic_partition_under_replicated_partition" ["topic" "partition"] "1 if fewer replicas are in sync than there are.";
    GROUP_CURRENT_OFFSET = KafkaExporter Gauge "kafka_consumergroup_current_offset" ["consumergroup" "topic" "partition"] "Committed offset; -1 if the group has offsets of the topic, but none here.";
    GROUP_CURRENT_OFFSET_SUM = KafkaExporter Gauge "kafka_consumergroup_current_offset_sum" ["consumergroup" "topic"] "Sum of the committed offsets.";
    GROUP_LAG = KafkaExporter Gauge "kafka_consumergroup_lag" ["consumergroup" "topic" "partition"] "Offsets between the committed offset and the high watermark; -1 without a committed offset.";
    GROUP_LAG_SUM = KafkaExporter Gauge "kafka_consumergroup_lag_sum" ["consumergroup" "topic"] "Sum of the lags.";
    GROUP_MEMBERS = KafkaExporter Gauge "kafka_consumergroup_members" ["consumergroup"] "Members of the group.";

    TIME_LAG_GROUP_LAG = LagExporter Gauge "kafka_consumergroup_group_lag" ["cluster_name" "group" "topic" "partition"] "Offsets between the committed offset and the high watermark.";
    TIME_LAG_SECONDS = LagExporter Gauge "kafka_consumergroup_group_lag_seconds" ["cluster_name" "group" "topic" "partition"] "Age of the first record that the group has not committed; 0 without lag. Inside a batch its first record counts.";
    TIME_LAG_MAX_LAG = LagExporter Gauge "kafka_consumergroup_group_max_lag" ["cluster_name" "group"] "Largest lag of the group in offsets.";
    TIME_LAG_MAX_SECONDS = LagExporter Gauge "kafka_consumergroup_group_max_lag_seconds" ["cluster_name" "group"] "Largest lag of the group in seconds.";
    TIME_LAG_MILLIS = LagExporter Gauge "kafka_consumer_lag_millis" ["consumergroup" "topic" "partition"] "The same as kafka_consumergroup_group_lag_seconds in milliseconds.";

    PROCESS_CPU = Process Counter "process_cpu_seconds_total" [] "Processor time used, in user and system mode.";
    PROCESS_OPEN_FDS = Process Gauge "process_open_fds" [] "Open file descriptors.";
    PROCESS_MAX_FDS = Process Gauge "process_max_fds" [] "Allowed file descriptors.";
    PROCESS_RESIDENT = Process Gauge "process_resident_memory_bytes" [] "Memory in RAM.";
    PROCESS_VIRTUAL = Process Gauge "process_virtual_memory_bytes" [] "Address space.";
    PROCESS_START = Process Gauge "process_start_time_seconds" [] "Start of the process in seconds since 1970.";
    PROCESS_THREADS = Process Gauge "process_threads" [] "Threads.";

    BUILD_INFO = Own Gauge "barnabas_build_info" ["version"] "1, with the version as label.";
    SERIES_LEFT_OUT = Own Gauge "barnabas_metrics_left_out" ["of"] "Topics, partitions and committed offsets that are not shown one by one because there are more than 10,000; totals count them.";
}
