//! Each rule of the images, as tables.
