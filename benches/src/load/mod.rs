//! Raw generators: pre-encoded requests, so that the client costs little beside the broker.

pub(crate) mod closed;
pub(crate) mod consume;
pub(crate) mod fill;
pub(crate) mod open;
