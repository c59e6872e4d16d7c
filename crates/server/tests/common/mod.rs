//! What the tests of the binary share: a broker process in a folder of its own, a client that speaks the wire
//! protocol and nothing more, and record batches, right and wrong. No assertions about behaviour here.

#![allow(clippy::unwrap_used, dead_code, unused_imports, unreachable_pub)] // each test file uses a part of it

pub mod bombs;
mod client;
mod process;
pub mod random;
pub mod records;

pub use client::{Client, fetch_request, produce_request, request_frame};
pub use process::{DataDir, Launch, Refusal, Server};
