//! From a frame to the handler of its API. The match has no catch-all: an API that is in the table of served
//! APIs has a handler, or this does not compile.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use barnabas_protocol::messages::ApiVersionsRequest;
use barnabas_protocol::{
    ApiKey, DecodeError, Message, RequestHeaderView, decode_request_header, encode_response_chunks,
};
use barnabas_replica::{NotDurable, Tickets};
use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::task::JoinHandle;

use crate::advertised::{Link, runs_here};
use crate::broker::Broker;
use crate::handlers;
use crate::metrics::{RequestTimes, timed};
use crate::network::Frame;

/// What is known of a client's connection.
#[derive(Debug)]
pub(crate) struct ConnectionInfo {
    pub listener: Arc<str>,
    pub peer: SocketAddr,
    /// This end; `None` if the system no longer knows it.
    pub local: Option<SocketAddr>,
    /// The client library, as ApiVersions names it (KIP-511).
    software: OnceLock<String>,
    /// Whether the client is a process beside this one; asked only where its address does not tell enough.
    peer_runs_here: OnceLock<bool>,
}

impl ConnectionInfo {
    pub(crate) fn new(listener: Arc<str>, peer: SocketAddr, local: Option<SocketAddr>) -> Self {
        Self { listener, peer, local, software: OnceLock::new(), peer_runs_here: OnceLock::new() }
    }

    pub(crate) fn peer_runs_here(&self, link: Link) -> bool {
        *self.peer_runs_here.get_or_init(|| runs_here(link))
    }

    pub(crate) fn software(&self) -> Option<&str> {
        self.software.get().map(String::as_str)
    }

    pub(crate) fn set_software(&self, name: String) {
        // Clients say it once; what they say later does not count.
        let _ = self.software.set(name);
    }
}

/// What a task brings: a frame, or nothing to send.
pub(crate) type Outcome = Result<Option<Frame>, Refused>;

/// Makes the answer of a request, told whether what it did is durable.
pub(crate) type Finish = Box<dyn FnOnce(Result<(), NotDurable>) -> Outcome + Send>;

/// How a request is answered.
pub(crate) enum Answer {
    Ready(Frame),
    /// By a task. Tasks that change state must not be aborted when the client leaves.
    Later {
        task: JoinHandle<Outcome>,
        abort_on_close: bool,
    },
    /// As soon as what was done is durable.
    WhenDurable {
        tickets: Tickets,
        finish: Finish,
    },
    /// Not at all: produce with acks=0.
    Silent,
}

/// Requests that cannot be answered; the connection is closed.
#[derive(Debug, Error)]
pub(crate) enum Refused {
    #[error("the request header is broken: {0}")]
    Header(DecodeError),
    #[error("API key {0} is not served; use a client that asks ApiVersions first")]
    UnknownApi(i16),
    #[error("{api} version {version} is not served, only {first} to {last}; use a client that asks ApiVersions first")]
    UnknownVersion { api: &'static str, version: i16, first: i16, last: i16 },
    #[error("the body of {api} version {version} is broken: {error}")]
    Body { api: &'static str, version: i16, error: DecodeError },
    #[error("{0}")]
    Protocol(&'static str),
}

/// One request on its way through a handler.
#[derive(Clone)]
pub(crate) struct RequestContext {
    pub broker: Arc<Broker>,
    pub connection: Arc<ConnectionInfo>,
    pub api: ApiKey,
    pub version: i16,
    pub correlation_id: i32,
    pub client_id: Option<String>,
    pub times: RequestTimes,
}

impl RequestContext {
    /// The frame that carries this response, with where it is counted. `worked` is the time that went into it, if that is not
    /// all since it began.
    fn frame<M: Message>(&self, response: &M, worked: Option<Duration>) -> Frame {
        let chunks = encode_response_chunks(self.api, self.version, self.correlation_id, response);
        Frame { chunks, unsent: self.broker.metrics.request_answered(self.api, self.times, worked) }
    }

    pub(crate) fn ready<M: Message>(&self, response: &M) -> Answer {
        Answer::Ready(self.frame(response, None))
    }

    /// Answers when what was done is durable, or will not be.
    pub(crate) fn when_durable<M: Message>(
        &self,
        tickets: Tickets,
        respond: impl FnOnce(Result<(), NotDurable>) -> M + Send + 'static,
    ) -> Answer {
        let ctx = self.clone();
        let worked = self.times.started.elapsed();
        let finish = move |outcome| Ok(Some(ctx.frame(&respond(outcome), Some(worked))));
        Answer::WhenDurable { tickets, finish: Box::new(finish) }
    }

    /// Answers when the future is done. It runs to its end even if the client leaves.
    pub(crate) fn later<M, F>(&self, response: F) -> Answer
    where
        M: Message + Send,
        F: Future<Output = M> + Send + 'static,
    {
        let ctx = self.clone();
        let worked_before = self.times.started.elapsed();
        let task = tokio::spawn(async move {
            let (response, worked) = timed(response).await;
            Ok(Some(ctx.frame(&response, Some(worked_before + worked))))
        });
        Answer::Later { task, abort_on_close: false }
    }

    /// Like [`Self::later`] for a request that has no answer, but may end its connection.
    pub(crate) fn later_silent<F>(&self, work: F) -> Answer
    where
        F: Future<Output = Result<(), Refused>> + Send + 'static,
    {
        let task = tokio::spawn(async move { work.await.map(|()| None) });
        Answer::Later { task, abort_on_close: false }
    }

    /// Like [`Self::later`] for work that only waits and reads: it ends with the connection.
    pub(crate) fn later_while_connected<M, F>(&self, response: F) -> Answer
    where
        M: Message + Send,
        F: Future<Output = M> + Send + 'static,
    {
        match self.later(response) {
            Answer::Later { task, .. } => Answer::Later { task, abort_on_close: true },
            other => other,
        }
    }

    /// The client id as Kafka shows a missing one.
    pub(crate) fn client_id(&self) -> &str {
        self.client_id.as_deref().unwrap_or("")
    }
}

/// Runs work that may take long where it holds up nobody. A panic there is a panic of the caller's task.
pub(crate) async fn on_blocking_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is ending, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Handles one frame.
pub(crate) fn handle(
    broker: &Arc<Broker>,
    connection: &Arc<ConnectionInfo>,
    frame: BytesMut,
    times: RequestTimes,
) -> Result<Answer, Refused> {
    let (header, body) = decode_request_header(frame.freeze()).map_err(Refused::Header)?;
    let api = ApiKey::from_code(header.api_key).ok_or(Refused::UnknownApi(header.api_key))?;
    let RequestHeaderView { api_version: version, correlation_id, client_id, .. } = header;
    let ctx = RequestContext {
        broker: Arc::clone(broker),
        connection: Arc::clone(connection),
        api,
        version,
        correlation_id,
        client_id,
        times,
    };
    let range = api.versions();
    if version < api.first_decodable_version() || version > range.last {
        if api == ApiKey::ApiVersions {
            return Ok(handlers::api_versions::unsupported_version(&ctx));
        }
        let (first, last) = (range.first, range.last);
        return Err(Refused::UnknownVersion { api: api.name(), version, first, last });
    }
    broker.metrics.request_started(api, version, times);
    let answer = route(ctx, body);
    if let Ok(Answer::Silent) = answer {
        broker.metrics.request_done_silently(api, times);
    }
    answer
}

fn route(ctx: RequestContext, body: Bytes) -> Result<Answer, Refused> {
    use handlers::*;
    match ctx.api {
        ApiKey::Produce => run(ctx, body, produce::handle),
        ApiKey::Fetch => run(ctx, body, fetch::handle),
        ApiKey::ListOffsets => run(ctx, body, list_offsets::handle),
        ApiKey::Metadata => run(ctx, body, metadata::handle),
        ApiKey::OffsetCommit => run(ctx, body, offset_commit::handle),
        ApiKey::OffsetFetch => run(ctx, body, offset_fetch::handle),
        ApiKey::FindCoordinator => run(ctx, body, find_coordinator::handle),
        ApiKey::JoinGroup => run(ctx, body, group_membership::join),
        ApiKey::Heartbeat => run(ctx, body, group_membership::heartbeat),
        ApiKey::LeaveGroup => run(ctx, body, group_membership::leave),
        ApiKey::SyncGroup => run(ctx, body, group_membership::sync),
        ApiKey::DescribeGroups => run(ctx, body, group_admin::describe),
        ApiKey::ListGroups => run(ctx, body, group_admin::list),
        ApiKey::DeleteGroups => run(ctx, body, group_admin::delete),
        ApiKey::OffsetDelete => run(ctx, body, group_admin::delete_offsets),
        ApiKey::ApiVersions => api_versions_or_unsupported(ctx, body),
        ApiKey::CreateTopics => run(ctx, body, create_topics::handle),
        ApiKey::DeleteTopics => run(ctx, body, delete_topics::handle),
        ApiKey::DeleteRecords => run(ctx, body, delete_records::handle),
        ApiKey::InitProducerId => run(ctx, body, init_producer_id::handle),
        ApiKey::OffsetForLeaderEpoch => run(ctx, body, offset_for_leader_epoch::handle),
        ApiKey::DescribeAcls => run(ctx, body, acls::describe),
        ApiKey::CreateAcls => run(ctx, body, acls::create),
        ApiKey::DeleteAcls => run(ctx, body, acls::delete),
        ApiKey::DescribeConfigs => run(ctx, body, describe_configs::handle),
        ApiKey::AlterConfigs => run(ctx, body, alter_configs::handle),
        ApiKey::IncrementalAlterConfigs => run(ctx, body, alter_configs::handle_incremental),
        ApiKey::ListConfigResources => run(ctx, body, describe_configs::list_resources),
        ApiKey::AlterReplicaLogDirs => run(ctx, body, log_dirs::alter),
        ApiKey::DescribeLogDirs => run(ctx, body, log_dirs::describe),
        ApiKey::CreatePartitions => run(ctx, body, create_partitions::handle),
        ApiKey::ElectLeaders => run(ctx, body, elect_leaders::handle),
        ApiKey::AlterPartitionReassignments => run(ctx, body, reassignments::alter),
        ApiKey::ListPartitionReassignments => run(ctx, body, reassignments::list),
        ApiKey::DescribeClientQuotas => run(ctx, body, client_quotas::describe),
        ApiKey::DescribeQuorum => run(ctx, body, describe_quorum::handle),
        ApiKey::DescribeCluster => run(ctx, body, describe_cluster::handle),
        ApiKey::DescribeProducers => run(ctx, body, describe_producers::handle),
        ApiKey::DescribeTopicPartitions => run(ctx, body, describe_topic_partitions::handle),
    }
}

fn run<Request: Message>(
    ctx: RequestContext,
    body: Bytes,
    handler: impl FnOnce(&RequestContext, Request) -> Result<Answer, Refused>,
) -> Result<Answer, Refused> {
    let request = Request::decode(body, ctx.version).map_err(|error| Refused::Body {
        api: ctx.api.name(),
        version: ctx.version,
        error,
    })?;
    handler(&ctx, request)
}

/// A broken ApiVersions body is answered like an unknown version, so that newer clients step down.
fn api_versions_or_unsupported(ctx: RequestContext, body: Bytes) -> Result<Answer, Refused> {
    match ApiVersionsRequest::decode(body, ctx.version) {
        Ok(request) => handlers::api_versions::handle(&ctx, request),
        Err(_) => Ok(handlers::api_versions::unsupported_version(&ctx)),
    }
}
