//! A log dir whose journal was removed after an unclean stop: acknowledged records may have been in it alone. It is out of use
//! until the journal is back or given up; see adr/0012. How that is noticed is known in the `log` crate.

use std::collections::BTreeSet;
use std::io;

use barnabas_common::Uuid;
use barnabas_config::BrokerConfig;
use barnabas_log::{LogDir, LostJournal};
use tracing::error;

use crate::error::StartError;
use crate::known_dirs::given_up_ids;

const GIVEN_UP_KEY: &str = "barnabas.given.up.journals";
const HINT: &str = "put these files back and start again, or, to start with what the logs have, set 'barnabas.given.up.journals' to that id";

/// Journals that are not missed.
#[derive(Default)]
pub(crate) struct GivenUpJournals(BTreeSet<Uuid>);

impl GivenUpJournals {
    pub(crate) fn new(config: &BrokerConfig) -> Result<Self, StartError> {
        given_up_ids(config, GIVEN_UP_KEY, "id of a journal").map(Self)
    }

    /// Refuses a dir without the journal that it needs.
    pub(crate) fn check(&self, files: &LogDir) -> Result<(), StartError> {
        let failed = |error, hint| StartError::DataDir { dir: files.path().to_owned(), error, hint };
        let unreadable = |error| failed(error, "let this user read and write the folder, and check the disk");
        let Some(lost) = files.lost_journal().map_err(unreadable)? else { return Ok(()) };
        if !self.0.contains(&lost.id) {
            return Err(failed(io::Error::other(what_it_means(&lost)), HINT));
        }
        error!(
            "starting without files of the journal in {}, as '{GIVEN_UP_KEY}' says: {}",
            files.path().display(),
            what_it_means(&lost)
        );
        files.give_up_journal().map_err(unreadable)
    }
}

fn what_it_means(lost: &LostJournal) -> String {
    format!(
        "the broker was not stopped properly, and of its journal, with the id {}, these files are missing or cut short: {}. If the \
         machine stopped or lost power then, the last records of any partition here that were acknowledged may have been in them \
         alone and are lost without; if only the process ended, the logs have all of them",
        lost.id,
        lost.files.join(", ")
    )
}
