//! The container image: how it is made, and how it is tested.

mod engine;
pub(crate) mod image;
mod suites;
pub(crate) mod test;
