//! Waiting for durability. A ticket is a number in the order of appends of one log directory: it is due when everything up
//! to it is on disk.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use thiserror::Error;

/// How far a log directory is, and who waits for more.
#[derive(Default)]
pub(super) struct Progress {
    durable: AtomicU64,
    failure: OnceLock<String>,
    /// By task and number: who looks again while waiting is there once.
    waiting: Mutex<HashMap<(usize, u64), Waker>>,
}

/// What was appended will not be durable; it may or may not be there after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the records may not be on disk: {0}")]
pub struct NotDurable(pub String);

impl Progress {
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    pub(super) fn advance(&self, number: u64) {
        self.durable.store(number, Ordering::Release);
        self.wake(number);
    }

    /// Whether this is the first failure.
    pub(super) fn fail(&self, reason: &str) -> bool {
        let is_first = self.failure.set(reason.to_owned()).is_ok();
        self.wake(u64::MAX);
        is_first
    }

    fn wake(&self, up_to: u64) {
        let mut waiting = self.waiting.lock();
        let due: Vec<Waker> = waiting.extract_if(|(_, number), _| *number <= up_to).map(|(_, waker)| waker).collect();
        drop(waiting);
        due.into_iter().for_each(Waker::wake);
    }

    fn outcome(&self, number: u64) -> Option<Result<(), NotDurable>> {
        if self.durable.load(Ordering::Acquire) >= number {
            return Some(Ok(()));
        }
        self.failure.get().map(|reason| Err(NotDurable(reason.clone())))
    }
}

/// A claim on the durability of one append.
#[derive(Clone)]
pub struct Ticket {
    progress: Arc<Progress>,
    number: u64,
}

impl Ticket {
    pub(super) fn new(progress: Arc<Progress>, number: u64) -> Self {
        Self { progress, number }
    }

    /// How it ended, if it has.
    pub fn outcome(&self) -> Option<Result<(), NotDurable>> {
        self.progress.outcome(self.number)
    }

    /// Waits for the end. May be dropped at any time.
    pub async fn wait(&self) -> Result<(), NotDurable> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Result<(), NotDurable>> {
        if let Some(outcome) = self.outcome() {
            return Poll::Ready(outcome);
        }
        let mut waiting = self.progress.waiting.lock();
        // Again under the lock: who makes progress wakes only those who are in the list by then.
        if let Some(outcome) = self.outcome() {
            return Poll::Ready(outcome);
        }
        let waker = context.waker();
        waiting.entry((waker.data() as usize, self.number)).or_insert_with(|| waker.clone());
        Poll::Pending
    }
}

/// What one answer waits for: at most one ticket per log directory.
#[derive(Clone, Default)]
pub struct Tickets(Vec<Ticket>);

impl Tickets {
    pub fn add(&mut self, ticket: Ticket) {
        match self.0.iter_mut().find(|known| Arc::ptr_eq(&known.progress, &ticket.progress)) {
            Some(known) => known.number = known.number.max(ticket.number),
            None => self.0.push(ticket),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How all of them ended, if they have.
    pub fn outcome(&self) -> Option<Result<(), NotDurable>> {
        let mut all_are_durable = true;
        for ticket in &self.0 {
            match ticket.outcome() {
                Some(Ok(())) => {}
                Some(failed) => return Some(failed),
                None => all_are_durable = false,
            }
        }
        all_are_durable.then_some(Ok(()))
    }

    /// Waits for the end of all. May be dropped at any time.
    pub async fn wait(&self) -> Result<(), NotDurable> {
        poll_fn(|context| {
            // All are asked, so that the first failure ends the waiting.
            for ticket in &self.0 {
                let _ = ticket.poll(context);
            }
            self.outcome().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

impl From<Option<Ticket>> for Tickets {
    fn from(ticket: Option<Ticket>) -> Self {
        Self(ticket.into_iter().collect())
    }
}
