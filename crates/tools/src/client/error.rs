//! Why a call failed.

use barnabas_common::ErrorCode;
use barnabas_protocol::DecodeError;

use super::exceptions::{default_message, exception_class};

/// Why a call failed, before or after a broker saw it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A setting of the client; nothing was sent.
    #[error("{0}")]
    Config(String),
    /// None of the bootstrap names has an address; told in the words of Kafka's AdminClient, with its cause.
    #[error("Failed to create new KafkaAdminClient\nNo resolvable bootstrap urls given in bootstrap.servers: {0}")]
    Unresolvable(String),
    /// None of the addresses answered in time.
    #[error("{0}")]
    Timeout(String),
    /// The connection broke; the request may or may not have been handled.
    #[error("{address}: {reason}")]
    Disconnected { address: String, reason: String },
    /// The broker does not know the API in a version that we know.
    #[error("The broker does not support {0}")]
    Unsupported(&'static str),
    /// Bytes that are no valid answer.
    #[error("{address} sent an answer that cannot be read: {source}")]
    Decode { address: String, source: DecodeError },
    /// The broker answered, but not for what was asked; nothing is wrong with the broker.
    #[error("{0}")]
    IllegalArgument(String),
    /// The broker refused.
    #[error("{}", message_or_default(*code, message.as_deref()))]
    Api { code: ErrorCode, message: Option<String> },
}

impl ClientError {
    /// The error of a response that carries a code and maybe a text.
    pub fn api(code: i16, message: Option<String>) -> Self {
        Self::Api { code: ErrorCode::from_code(code), message }
    }

    /// `Ok` for code 0.
    pub fn check(code: i16, message: Option<String>) -> Result<(), Self> {
        if code == 0 { Ok(()) } else { Err(Self::api(code, message)) }
    }

    /// The code the broker sent.
    pub fn code(&self) -> Option<ErrorCode> {
        if let Self::Api { code, .. } = self { Some(*code) } else { None }
    }

    /// The name of the error for `--output json`: Kafka's where the broker sent a code.
    pub fn code_name(&self) -> &'static str {
        match self {
            Self::Config(_) | Self::Unresolvable(_) => "INVALID_CLIENT_CONFIG",
            Self::Timeout(_) => "TIMEOUT",
            Self::Disconnected { .. } => "NETWORK_EXCEPTION",
            Self::Unsupported(_) => "UNSUPPORTED_VERSION",
            Self::Decode { .. } => "CORRUPT_RESPONSE",
            Self::IllegalArgument(_) => "INVALID_ARGUMENT",
            Self::Api { code, .. } => code.name(),
        }
    }

    /// Whether the same call may work a moment later.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Disconnected { .. } => true,
            Self::Api { code, .. } => code.is_retriable(),
            _ => false,
        }
    }

    /// As Java prints the exception: class, colon, message.
    pub fn as_exception(&self) -> String {
        format!("{}: {self}", self.exception_class())
    }

    /// The Java class that Kafka's client throws in this case.
    pub fn exception_class(&self) -> String {
        match self {
            Self::Config(_) => "org.apache.kafka.common.config.ConfigException".into(),
            Self::Unresolvable(_) => "org.apache.kafka.common.KafkaException".into(),
            Self::Timeout(_) => "org.apache.kafka.common.errors.TimeoutException".into(),
            Self::Disconnected { .. } => "org.apache.kafka.common.errors.DisconnectException".into(),
            Self::Unsupported(_) => "org.apache.kafka.common.errors.UnsupportedVersionException".into(),
            Self::Decode { .. } => "org.apache.kafka.common.protocol.types.SchemaException".into(),
            Self::IllegalArgument(_) => "java.lang.IllegalArgumentException".into(),
            Self::Api { code, .. } => exception_class(*code),
        }
    }
}

fn message_or_default(code: ErrorCode, message: Option<&str>) -> &str {
    message.filter(|text| !text.is_empty()).unwrap_or_else(|| default_message(code))
}
