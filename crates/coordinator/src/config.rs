//! The settings that groups read. Parsing them from files and the environment does not live here.

/// How long a new group waits for more members before its first generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialRebalanceDelay {
    /// `group.initial.rebalance.delay.ms` as Kafka has it: a fixed wait, repeated while members keep coming.
    Fixed { delay_ms: i32 },
    /// Waits until no member arrived for `quiet_ms` and every member that was sent away for a member id came back
    /// or took longer than `pending_grace_ms`; never longer than `max_ms` in all. A client that joins
    /// before it knows its topics would, as leader, assign nothing: for it the wait is `unprepared_quiet_ms`.
    Adaptive { quiet_ms: i32, unprepared_quiet_ms: i32, pending_grace_ms: i32, max_ms: i32 },
}

impl InitialRebalanceDelay {
    /// What a group waits when nothing was configured. kafka-python refreshes its metadata 100 ms after it subscribes.
    pub const ADAPTIVE: Self =
        Self::Adaptive { quiet_ms: 30, unprepared_quiet_ms: 120, pending_grace_ms: 500, max_ms: 3_000 };
}

/// Group settings; the defaults are Kafka's, except for the initial delay, which adapts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupCoordinatorConfig {
    /// `group.min.session.timeout.ms`
    pub min_session_timeout_ms: i32,
    /// `group.max.session.timeout.ms`
    pub max_session_timeout_ms: i32,
    /// `group.max.size`
    pub max_size: usize,
    /// `group.initial.rebalance.delay.ms`, or an adaptive wait where that is not set.
    pub initial_rebalance_delay: InitialRebalanceDelay,
    /// How long a JoinGroup of a member that knows no member id yet may stay parked.
    pub new_member_join_timeout_ms: i32,
    /// `offset.metadata.max.bytes`
    pub offset_metadata_max_bytes: usize,
    /// `offsets.retention.minutes`, in milliseconds
    pub offsets_retention_ms: i64,
    /// `offsets.retention.check.interval.ms`
    pub offsets_retention_check_interval_ms: i64,
}

impl Default for GroupCoordinatorConfig {
    fn default() -> Self {
        Self {
            min_session_timeout_ms: 6_000,
            max_session_timeout_ms: 1_800_000,
            max_size: i32::MAX as usize,
            initial_rebalance_delay: InitialRebalanceDelay::ADAPTIVE,
            new_member_join_timeout_ms: 300_000,
            offset_metadata_max_bytes: 4_096,
            offsets_retention_ms: 7 * 24 * 60 * 60 * 1_000,
            offsets_retention_check_interval_ms: 600_000,
        }
    }
}
