//! The log cleaner, by Kafka's names. Without cleaner threads there is nothing to tell.

use super::encoder::{Encoder, Number};
use super::families as f;
use super::log_dirs;
use crate::broker::Broker;
use crate::cleaner::{self, CleanerFigures, Uncleanable};

pub(super) fn render(out: &mut Encoder, broker: &Broker) {
    let Some(figures) = cleaner::figures(broker) else { return };
    threads(out, &figures);
    let names = log_dirs::names(broker);
    let mut family = |family, value: &dyn Fn(&Uncleanable) -> Number| {
        let mut samples = out.family(family);
        names.iter().zip(&figures.uncleanable).for_each(|(name, dir)| samples.add(name, value(dir)));
    };
    family(&f::UNCLEANABLE_PARTITIONS, &|dir| dir.partitions.into());
    family(&f::UNCLEANABLE_BYTES, &|dir| dir.dirty_bytes.into());
}

fn threads(out: &mut Encoder, figures: &CleanerFigures) {
    if let Some(last) = figures.last {
        out.single(&f::RECOPY_PERCENT, last.recopy_percent);
        out.single(&f::MAX_CLEAN_TIME, last.max_seconds);
        out.single(&f::MAX_BUFFER_UTILIZATION, last.max_buffer_utilization_percent);
    }
    out.single(&f::MAX_COMPACTION_DELAY, figures.max_compaction_delay_ms as f64 / 1e3);
    out.single(&f::DEAD_THREADS, figures.dead_threads);
    figures.ms_since_last_look.into_iter().for_each(|ms| out.single(&f::TIME_SINCE_LAST_RUN, ms));
    figures.max_dirty_percent.into_iter().for_each(|percent| out.single(&f::MAX_DIRTY_PERCENT, percent));
}
