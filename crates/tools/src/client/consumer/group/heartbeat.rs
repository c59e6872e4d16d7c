//! Heartbeats of a member, on a thread and a connection of their own: records may be printed slowly.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use barnabas_common::ErrorCode;
use barnabas_protocol::messages::HeartbeatRequest;

use crate::client::{Address, Connection};

/// What the two threads tell each other.
#[derive(Debug)]
struct State {
    /// `None` while there is nothing to keep alive.
    member: Option<HeartbeatRequest>,
    /// The group rebalances, or the coordinator moved.
    rejoin: bool,
    /// The group does not know the member any more.
    is_lost: bool,
    last_poll: Instant,
    is_over: bool,
}

/// How heartbeats are sent.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) client_id: String,
    pub(super) request_timeout: Duration,
    pub(super) interval: Duration,
    pub(super) max_poll_interval: Duration,
}

/// The handle of the thread; it ends with the handle.
pub(super) struct Heartbeat {
    shared: Arc<(Mutex<State>, Condvar)>,
}

fn lock(mutex: &Mutex<State>) -> MutexGuard<'_, State> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Heartbeat {
    /// Keeps this member alive at this coordinator.
    pub(super) fn start(address: Address, member: HeartbeatRequest, rules: Rules) -> Self {
        let state =
            State { member: Some(member), rejoin: false, is_lost: false, last_poll: Instant::now(), is_over: false };
        let shared = Arc::new((Mutex::new(state), Condvar::new()));
        let theirs = shared.clone();
        thread::spawn(move || beat(&theirs, &address, &rules));
        Self { shared }
    }

    /// The user is alive.
    pub(super) fn polled(&self) {
        lock(&self.shared.0).last_poll = Instant::now();
    }

    /// Whether the group has to be joined again.
    pub(super) fn wants_rejoin(&self) -> bool {
        lock(&self.shared.0).rejoin
    }

    /// Whether the member has to join as a new one.
    pub(super) fn is_lost(&self) -> bool {
        lock(&self.shared.0).is_lost
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        lock(&self.shared.0).is_over = true;
        self.shared.1.notify_all();
    }
}

fn beat(shared: &(Mutex<State>, Condvar), address: &Address, rules: &Rules) {
    let mut connection = None;
    loop {
        let Some(request) = next_beat(shared, rules) else { return };
        let code = match send(&mut connection, &request, address, rules) {
            Some(code) => code,
            None => ErrorCode::NotCoordinator,
        };
        let mut state = lock(&shared.0);
        match code {
            ErrorCode::None => {}
            ErrorCode::RebalanceInProgress | ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {
                state.rejoin = true;
            }
            ErrorCode::CoordinatorLoadInProgress => {}
            _ => (state.rejoin, state.is_lost, state.member) = (true, true, None),
        }
    }
}

/// Waits for the moment of the next heartbeat; `None` when there shall be no more.
fn next_beat(shared: &(Mutex<State>, Condvar), rules: &Rules) -> Option<HeartbeatRequest> {
    let due = Instant::now() + rules.interval;
    let mut state = lock(&shared.0);
    loop {
        if state.is_over {
            return None;
        }
        // Who does not poll for so long is stuck: the group shall notice.
        let is_stuck = state.last_poll.elapsed() >= rules.max_poll_interval;
        if is_stuck {
            (state.rejoin, state.is_lost) = (true, true);
        }
        let left = due.saturating_duration_since(Instant::now());
        match &state.member {
            Some(member) if left.is_zero() && !is_stuck => return Some(member.clone()),
            _ => {}
        }
        let wait = if left.is_zero() { rules.interval } else { left };
        state = shared.1.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// The error code of the answer; nothing if the coordinator cannot be reached.
fn send(
    connection: &mut Option<Connection>,
    request: &HeartbeatRequest,
    address: &Address,
    rules: &Rules,
) -> Option<ErrorCode> {
    for _ in 0..2 {
        if connection.is_none() {
            *connection = Connection::open(address, &rules.client_id, rules.request_timeout).ok();
        }
        let answer = connection.as_mut()?.call(request, rules.request_timeout);
        match answer {
            Ok(response) => return Some(ErrorCode::from_code(response.error_code)),
            Err(_) => *connection = None,
        }
    }
    None
}
