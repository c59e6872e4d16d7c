//! The metrics in Prometheus's text format, by the names that dashboards and alerts already use. Values come from
//! the counters of the hot paths, the metadata, and a short look at each log and group; nothing is counted here.

mod cleaner;
mod cluster;
mod encoder;
mod families;
mod groups;
mod journals;
mod log_dirs;
mod markdown;
mod memory;
mod partitions;
mod process;
mod requests;

use crate::broker::Broker;
use encoder::{Encoder, labels};
use families as f;
use memory::Moment;

pub use markdown::render_markdown;
pub(crate) use memory::ScrapeMemory;

/// Topics, partitions and committed offsets are told one by one only up to this many.
const MAX_SERIES: usize = 10_000;

/// Everything this broker measures. Blocks: it may read a few batch headers from the disk. Scrapes at the same
/// time wait for each other.
pub fn render(broker: &Broker) -> String {
    let metrics = &broker.metrics;
    let mut memory = metrics.scrapes.lock();
    let now = Moment::now(metrics, broker.clock.monotonic_ms());
    let image = broker.image();
    let held = partitions::gather(broker, &image);
    let mut out = Encoder::default();
    requests::topics(&mut out, metrics, &image);
    requests::requests(&mut out, metrics, &memory, &now);
    requests::connections(&mut out, broker, &memory, &now);
    partitions::render(&mut out, broker, &held);
    cleaner::render(&mut out, broker);
    log_dirs::flushes(&mut out, &memory, &now);
    log_dirs::render(&mut out, broker, &held);
    journals::render(&mut out, broker);
    cluster::controller(&mut out, broker, &image, &held);
    cluster::quorum(&mut out, broker, &memory, &now);
    let offsets_left_out = groups::render(&mut out, broker, &image, &held, &mut memory);
    process::render(&mut out);
    out.family(&f::BUILD_INFO).add(&labels(&[("version", &env!("CARGO_PKG_VERSION"))]), 1);
    let mut left_out = out.family(&f::SERIES_LEFT_OUT);
    let beyond = |count: usize| count.saturating_sub(MAX_SERIES);
    left_out.add("of=\"topics\"", beyond(image.topics().len()));
    left_out.add("of=\"partitions\"", beyond(held.len()));
    left_out.add("of=\"offsets\"", offsets_left_out);
    memory.remember(now);
    out.finish()
}
