//! How long a group that was empty waits for more members. The timers that act on it are elsewhere.

use super::member::NEVER;
use super::state::ClassicGroup;
use crate::config::InitialRebalanceDelay;
use crate::group::Turn;

/// The wait in progress.
#[derive(Clone, Copy, Debug)]
pub(super) enum InitialDelay {
    /// Rounds of at most `group.initial.rebalance.delay.ms`; one more round if somebody came in the last one.
    Fixed { member_added: bool, round_ms: i32, remaining_ms: i32 },
    /// Ends when nobody came for a while.
    Adaptive { last_arrival_ms: i64, limit_ms: i64 },
}

impl ClassicGroup {
    /// Begins to collect the first members.
    pub(super) fn start_initial_delay(&mut self, turn: &Turn<'_>) {
        let rebalance_timeout_ms = self.rebalance_timeout_ms();
        match turn.config.initial_rebalance_delay {
            InitialRebalanceDelay::Fixed { delay_ms } => {
                let remaining_ms = rebalance_timeout_ms.saturating_sub(delay_ms).max(0);
                self.initial_delay =
                    Some(InitialDelay::Fixed { member_added: false, round_ms: delay_ms, remaining_ms });
                self.set_join_deadline(turn.after(delay_ms));
            }
            InitialRebalanceDelay::Adaptive { quiet_ms, max_ms, .. } => {
                let limit_ms = turn.after(max_ms.min(rebalance_timeout_ms).max(quiet_ms));
                self.initial_delay = Some(InitialDelay::Adaptive { last_arrival_ms: turn.now.monotonic_ms, limit_ms });
                self.postpone_for_arrivals(turn);
            }
        }
    }

    /// A member came while others are collected.
    pub(super) fn note_new_member(&mut self, turn: &Turn<'_>) {
        if let Some(InitialDelay::Fixed { member_added, .. }) = &mut self.initial_delay {
            *member_added = true;
        }
        self.note_arrival(turn);
    }

    /// Somebody came, or was told to come back with its member id. Kafka's fixed delay takes no notice of the latter.
    pub(super) fn note_arrival(&mut self, turn: &Turn<'_>) {
        if let Some(InitialDelay::Adaptive { last_arrival_ms, .. }) = &mut self.initial_delay {
            *last_arrival_ms = turn.now.monotonic_ms;
            self.postpone_for_arrivals(turn);
        }
    }

    /// Whether the wait goes on although its time is up; it then has a new deadline.
    pub(super) fn extend_initial_delay(&mut self, turn: &Turn<'_>) -> bool {
        match &mut self.initial_delay {
            None => false,
            Some(InitialDelay::Fixed { member_added, round_ms, remaining_ms }) => {
                if !*member_added || *remaining_ms == 0 || *round_ms == 0 {
                    return false;
                }
                let next_round_ms = (*round_ms).min(*remaining_ms);
                *member_added = false;
                *remaining_ms = remaining_ms.saturating_sub(*round_ms).max(0);
                *round_ms = next_round_ms;
                self.set_join_deadline(turn.after(next_round_ms));
                true
            }
            Some(InitialDelay::Adaptive { .. }) => {
                self.postpone_for_arrivals(turn);
                self.join_deadline_ms > turn.now.monotonic_ms
            }
        }
    }

    /// The adaptive deadline: quiet since the last arrival, and nobody known to be on the way back.
    fn postpone_for_arrivals(&mut self, turn: &Turn<'_>) {
        let Some(InitialDelay::Adaptive { last_arrival_ms, limit_ms }) = self.initial_delay else { return };
        let InitialRebalanceDelay::Adaptive { quiet_ms, unprepared_quiet_ms, pending_grace_ms, .. } =
            turn.config.initial_rebalance_delay
        else {
            return;
        };
        let quiet_ms = if self.arrivals_are_prepared { quiet_ms } else { unprepared_quiet_ms };
        let quiet_at = last_arrival_ms.saturating_add(i64::from(quiet_ms));
        let grace = i64::from(pending_grace_ms);
        let pending_until = self.pending_joins.values().map(|p| p.since_ms.saturating_add(grace)).max();
        self.set_join_deadline(quiet_at.max(pending_until.unwrap_or(i64::MIN)).min(limit_ms));
    }

    pub(super) fn end_initial_delay(&mut self) {
        self.initial_delay = None;
        self.arrivals_are_prepared = true;
        self.join_deadline_ms = NEVER;
    }
}
