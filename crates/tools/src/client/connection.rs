//! One connection to one broker: versions agreed once, requests and responses in order. Which broker to ask, and
//! when to ask again, is the client's affair.

use std::collections::HashMap;
use std::io::{self, IoSlice, Read, Write};
use std::marker::PhantomData;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use barnabas_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use barnabas_protocol::{Request, VersionRange, decode_response, encode_request};
use bytes::Bytes;

use super::{Address, ClientError};

/// Answers above this are refused: a broker's cap on a fetch with a single huge batch, and then some.
const MAX_FRAME_BYTES: usize = 1 << 30;
const SOFTWARE_NAME: &str = "barnabas-tools";
const UNSUPPORTED_VERSION: i16 = 35;

/// A request that was sent; its response comes in the order of sending.
#[must_use]
pub struct Ticket<R> {
    correlation_id: i32,
    version: i16,
    request: PhantomData<R>,
}

/// An open connection.
pub struct Connection {
    address: Address,
    stream: TcpStream,
    versions: HashMap<i16, VersionRange>,
    api_versions: ApiVersionsResponse,
    client_id: String,
    last_correlation_id: i32,
}

impl Connection {
    /// Connects and asks which versions the broker serves.
    pub fn open(address: &Address, client_id: &str, timeout: Duration) -> Result<Self, ClientError> {
        let stream = connect(address, timeout).map_err(|error| disconnected(address, &error))?;
        let mut connection = Self {
            address: address.clone(),
            stream,
            versions: HashMap::new(),
            api_versions: ApiVersionsResponse::default(),
            client_id: client_id.to_owned(),
            last_correlation_id: -1,
        };
        connection.api_versions = connection.ask_versions(timeout)?;
        let rows = connection.api_versions.api_keys.iter();
        connection.versions =
            rows.map(|row| (row.api_key, VersionRange { first: row.min_version, last: row.max_version })).collect();
        Ok(connection)
    }

    /// What the broker said about itself when the connection was opened.
    pub fn api_versions(&self) -> &ApiVersionsResponse {
        &self.api_versions
    }

    /// Where it leads.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The newest version of an API that both sides know.
    pub fn version_of<R: Request>(&self) -> Result<i16, ClientError> {
        let ours = R::versions();
        let theirs = self.versions.get(&R::API_KEY).copied().ok_or(ClientError::Unsupported(R::API_NAME))?;
        let version = ours.last.min(theirs.last);
        let fits = version >= ours.first && version >= theirs.first;
        if fits { Ok(version) } else { Err(ClientError::Unsupported(R::API_NAME)) }
    }

    /// One request and its response.
    pub fn call<R: Request>(&mut self, request: &R, timeout: Duration) -> Result<R::Response, ClientError> {
        let ticket = self.send(request)?;
        self.receive(ticket, timeout)
    }

    /// One request in a version of the caller's choice, and its response.
    pub fn call_version<R: Request>(
        &mut self,
        version: i16,
        request: &R,
        timeout: Duration,
    ) -> Result<R::Response, ClientError> {
        let ticket = self.send_version(version, request)?;
        self.receive(ticket, timeout)
    }

    /// Sends without waiting. Responses must be received in the order of the tickets.
    pub fn send<R: Request>(&mut self, request: &R) -> Result<Ticket<R>, ClientError> {
        let version = self.version_of::<R>()?;
        self.send_version(version, request)
    }

    /// Sends in a version of the caller's choice.
    pub fn send_version<R: Request>(&mut self, version: i16, request: &R) -> Result<Ticket<R>, ClientError> {
        self.last_correlation_id = self.last_correlation_id.wrapping_add(1);
        let correlation_id = self.last_correlation_id;
        let chunks = encode_request(version, correlation_id, &self.client_id, request);
        write_all_chunks(&mut self.stream, &chunks).map_err(|error| disconnected(&self.address, &error))?;
        Ok(Ticket { correlation_id, version, request: PhantomData })
    }

    /// The response to the oldest ticket.
    pub fn receive<R: Request>(&mut self, ticket: Ticket<R>, timeout: Duration) -> Result<R::Response, ClientError> {
        let frame = self.read_frame(timeout)?;
        let (correlation_id, response) = decode_response::<R>(ticket.version, frame)
            .map_err(|source| ClientError::Decode { address: self.address.to_string(), source })?;
        if correlation_id == ticket.correlation_id {
            return Ok(response);
        }
        let reason = format!("answered request {correlation_id} instead of {}", ticket.correlation_id);
        Err(ClientError::Disconnected { address: self.address.to_string(), reason })
    }

    /// Whether a response (or the end of the connection) is there to be read, waiting for it at most this long.
    pub fn is_readable(&self, wait: Duration) -> bool {
        let wait = wait.max(Duration::from_micros(1));
        let arrived = self.stream.set_read_timeout(Some(wait)).and_then(|()| self.stream.peek(&mut [0]));
        !arrived.is_err_and(|error| is_timeout(&error))
    }

    /// Whether a response (or the end of the connection) is there already.
    pub fn has_response(&self) -> bool {
        let peek = || {
            self.stream.set_nonblocking(true)?;
            let arrived = self.stream.peek(&mut [0]);
            self.stream.set_nonblocking(false)?;
            arrived
        };
        !peek().is_err_and(|error| is_timeout(&error))
    }

    fn ask_versions(&mut self, timeout: Duration) -> Result<ApiVersionsResponse, ClientError> {
        let request = ApiVersionsRequest {
            client_software_name: SOFTWARE_NAME.into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
        };
        let _unread = self.send_version(3, &request)?;
        let frame = self.read_frame(timeout)?;
        // A broker that does not know version 3 answers in version 0 with this error and nothing else of use.
        let is_too_new = frame.get(4..6).is_some_and(|code| code == UNSUPPORTED_VERSION.to_be_bytes());
        if is_too_new {
            return self.call_version(0, &request, timeout);
        }
        let decoded = decode_response::<ApiVersionsRequest>(3, frame);
        let (_, response) =
            decoded.map_err(|source| ClientError::Decode { address: self.address.to_string(), source })?;
        ClientError::check(response.error_code, None).map(|()| response)
    }

    fn read_frame(&mut self, timeout: Duration) -> Result<Bytes, ClientError> {
        let deadline = Instant::now() + timeout;
        let read = |connection: &mut Self| -> io::Result<Bytes> {
            let mut size = [0; 4];
            connection.read_exact_until(&mut size, deadline)?;
            let size = usize::try_from(i32::from_be_bytes(size)).unwrap_or(usize::MAX);
            if size > MAX_FRAME_BYTES {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "sent no valid frame; is it a Kafka listener?"));
            }
            let mut frame = Vec::new();
            // Memory grows with what arrives, not with what was announced.
            while frame.len() < size {
                let start = frame.len();
                frame.resize(size.min(start + (1 << 20)), 0);
                connection.read_exact_until(&mut frame[start..], deadline)?;
            }
            Ok(frame.into())
        };
        read(self).map_err(|error| disconnected(&self.address, &error))
    }

    fn read_exact_until(&mut self, mut buffer: &mut [u8], deadline: Instant) -> io::Result<()> {
        while !buffer.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_micros(1));
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(buffer) {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed the connection")),
                Ok(count) => buffer = &mut buffer[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) && Instant::now() < deadline => {}
                Err(error) if is_timeout(&error) => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "did not answer in time"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// One system call for all chunks where the socket takes them.
fn write_all_chunks(stream: &mut TcpStream, chunks: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = chunks.iter().map(|chunk| IoSlice::new(chunk)).collect();
    let mut rest = slices.as_mut_slice();
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match stream.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn connect(address: &Address, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for candidate in (address.host.as_str(), address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&candidate, timeout) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn disconnected(address: &Address, error: &io::Error) -> ClientError {
    ClientError::Disconnected { address: address.to_string(), reason: error.to_string() }
}
