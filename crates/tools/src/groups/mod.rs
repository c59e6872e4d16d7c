//! The tools for groups: `kafka-consumer-groups`, `kafka-share-groups`, `kafka-streams-groups`, `kafka-groups`. Here is what they share: how they show that something failed. What
//! they ask is in `client/groups`.

mod consumer;
mod kind;
mod overview;
mod share;
mod streams;

use std::io;

use crate::client::ClientError;
use crate::{Context, Failure};

pub(crate) use consumer::TOOL as CONSUMER_GROUPS;
pub(crate) use overview::TOOL as GROUPS;
pub(crate) use share::TOOL as SHARE_GROUPS;
pub(crate) use streams::TOOL as STREAMS_GROUPS;

/// Why a command of these tools stopped.
#[derive(Debug)]
enum Stop {
    /// Ends the tool in the ordinary way.
    Failure(Failure),
    /// Kafka's tool prints the exception on standard output, its trace on standard error, and exits 0.
    Thrown(Thrown),
}

/// An exception as these tools show it.
#[derive(Debug)]
struct Thrown {
    /// `getMessage()`: what is printed for people.
    message: String,
    /// The first line of the stack trace.
    trace: String,
    source: Option<ClientError>,
}

impl Thrown {
    /// An exception that is no answer of a broker.
    fn plain(class: &str, message: String) -> Self {
        Self { trace: format!("{class}: {message}"), message, source: None }
    }

    /// The client's exception itself.
    fn direct(error: ClientError) -> Self {
        Self { message: error.to_string(), trace: error.as_exception(), source: Some(error) }
    }

    /// The client's exception as a future gives it.
    fn execution(error: ClientError) -> Self {
        // There is no client yet that could give a future.
        if matches!(error, ClientError::Unresolvable(_)) {
            return Self::direct(error);
        }
        let message = error.as_exception();
        Self { trace: format!("java.util.concurrent.ExecutionException: {message}"), message, source: Some(error) }
    }

    /// Wrapped once more where Kafka's tool wraps it.
    fn in_runtime_exception(self) -> Self {
        if matches!(self.source, Some(ClientError::Unresolvable(_))) {
            return self;
        }
        let trace = format!("java.lang.RuntimeException: {}", self.trace);
        Self { message: self.trace, trace, source: self.source }
    }

    /// The most common form.
    fn wrapped(error: ClientError) -> Self {
        Self::execution(error).in_runtime_exception()
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Thrown> for Stop {
    fn from(thrown: Thrown) -> Self {
        Self::Thrown(thrown)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failure(Failure::Output(error))
    }
}

/// Ends a command: `what` failed, told as Kafka's tool tells it.
fn told(context: &mut Context<'_>, what: &str, outcome: Result<(), Stop>) -> Result<(), Failure> {
    let thrown = match outcome {
        Ok(()) => return Ok(()),
        Err(Stop::Failure(failure)) => return Err(failure),
        Err(Stop::Thrown(thrown)) => thrown,
    };
    let text = format!("Executing {what} command failed due to {}", thrown.message);
    if context.is_json() {
        return Err(match thrown.source {
            Some(error) => Failure::Cluster { error, text, on_stdout: true },
            None => Failure::OnStdout(thrown.message),
        });
    }
    print_error(context, &text)?;
    context.err(thrown.trace)?;
    if let Some(ClientError::Config(detail)) = thrown.source {
        context.err(format!("Caused by: org.apache.kafka.common.config.ConfigException: {detail}"))?;
    }
    Ok(())
}

/// An error as these tools report it; the exit code stays 0 unless the truth is asked for.
fn print_error(context: &mut Context<'_>, message: &str) -> Result<(), Failure> {
    context.note_reported_error();
    Ok(context.out(format!("\nError: {message}"))?)
}

/// Cells in columns of these least widths; the last may be 0 wide.
fn columns<S: AsRef<str>>(cells: &[S], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{:<width$}", cell.as_ref()));
    padded.collect::<Vec<_>>().join(" ")
}

/// The widest of some texts, but at least this.
fn widest<'a>(least: usize, texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).fold(least, usize::max)
}

/// A number, or the sign for one that is missing.
fn or_dash<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| "-".to_owned(), T::to_string)
}
