//! The journals that acknowledgements wait for, by log dir. Without journals there is nothing to tell.

use barnabas_replica::{GroupCommit, JournalFigures};

use super::encoder::{Encoder, Number, labels};
use super::families as f;
use crate::broker::Broker;

struct Journal<'a> {
    labels: String,
    commit: &'a GroupCommit,
    figures: JournalFigures,
}

pub(super) fn render(out: &mut Encoder, broker: &Broker) {
    let with_journal = broker.log_dirs.iter().filter_map(|dir| Some((dir, dir.commit.get()?)));
    let mut journals = Vec::new();
    let mut syncs = out.family(&f::JOURNAL_SYNC_SECONDS);
    for (dir, commit) in with_journal {
        let labels = labels(&[("logDirectory", &dir.path.display())]);
        syncs.add_histogram(&labels, &dir.journal_syncs.counts());
        journals.push(Journal { labels, commit, figures: commit.figures() });
    }
    let mut family = |family, value: &dyn Fn(&Journal<'_>) -> Number| {
        let mut samples = out.family(family);
        journals.iter().for_each(|journal| samples.add(&journal.labels, value(journal)));
    };
    family(&f::JOURNAL_BYTES, &|journal| journal.figures.written_bytes.into());
    family(&f::JOURNAL_APPENDS, &|journal| journal.figures.appends.into());
    family(&f::JOURNAL_BYPASSED, &|journal| journal.figures.bypassing_appends.into());
    family(&f::JOURNAL_IS_BEHIND, &|journal| journal.commit.is_behind().into());
    let mut files = out.family(&f::JOURNAL_FILES);
    for Journal { labels, figures, .. } in &journals {
        let Some((free, full)) = figures.free_and_full_files else { continue };
        files.add_with(labels, "state", "free", free);
        files.add_with(labels, "state", "full", full);
    }
}
