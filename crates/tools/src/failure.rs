//! How a tool ends when it cannot do what it was asked for.

use std::io;

use crate::client::ClientError;

/// Why a tool gave up. It is printed in the way of Kafka's tools: what scripts read is the first line and the exit code.
#[derive(Debug)]
pub enum Failure {
    /// The command line is wrong: the message, then the help, exit code 1.
    Usage(String),
    /// These lines on standard error, exit code 1.
    Message(String),
    /// These lines on standard output (some tools of Kafka do that), exit code 1.
    OnStdout(String),
    /// The cluster refused, or cannot be reached: this text on standard error or standard output, exit code 1.
    Cluster { error: ClientError, text: String, on_stdout: bool },
    /// Nothing more to say, this exit code.
    Exit(u8),
    /// Whoever read the output has gone.
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// For tools that let the exception of Java's client end them.
impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let text = error.as_exception();
        Self::Cluster { error, text, on_stdout: false }
    }
}

impl Failure {
    /// Code and message for `--output json`; `None` if there is nothing to tell.
    pub(crate) fn code_and_message(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Usage(message) => Some(("INVALID_ARGUMENT", message.clone())),
            Self::Message(text) | Self::OnStdout(text) => Some(("FAILED", without_title(text))),
            Self::Cluster { error, .. } => Some((error.code_name(), error.to_string())),
            Self::Exit(_) | Self::Output(_) => None,
        }
    }
}

/// What Kafka's tools put before a message.
const TITLES: &[&str] = &["Error while executing topic command : ", "Error occurred: ", "Error: "];

/// The message alone: its first line, as the rest is a stack trace or help.
fn without_title(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    TITLES.iter().find_map(|title| line.strip_prefix(title)).unwrap_or(line).to_owned()
}
