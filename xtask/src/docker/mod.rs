//! The container image: how it is made.

pub(crate) mod image;
