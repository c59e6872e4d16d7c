//! Taking over what a journal holds of the log and the segments may have lost.

use barnabas_common::{Offset, TimestampMs};
use barnabas_protocol::records::split_batches;

use super::Log;
use crate::error::{AppendError, Corruption, LogError};
use crate::segment::names;

impl Log {
    /// Appends those of the batches that are not in the log. They must go on where it ends: what is between was
    /// acknowledged and is lost, and the log must not be served without it.
    pub fn append_journaled(&mut self, batches: &[u8], now_ms: TimestampMs) -> Result<(), AppendError> {
        let end = self.log_end_offset();
        let missing = self.beyond_the_end(batches);
        match split_batches(missing).next() {
            None => Ok(()),
            Some(Ok((first, _))) if first.base_offset == end => self.append_as_follower(missing, now_ms).map(|_| ()),
            // Records were deleted up to the middle of a batch, and then the batch was lost.
            Some(Ok((first, _))) if first.base_offset < end && self.size_bytes() == 0 => {
                self.truncate_fully_and_start_at(first.base_offset, now_ms)?;
                self.append_as_follower(missing, now_ms)?;
                self.log_start_offset = end;
                Ok(())
            }
            Some(Ok((first, _))) => Err(self.lost_before(first.base_offset).into()),
            Some(Err(error)) => Err(AppendError::Offline(format!("the journal holds no record batch: {error}"))),
        }
    }

    /// Whether any of the batches lie behind the end of the log.
    pub fn lacks_journaled(&self, batches: &[u8]) -> bool {
        !self.beyond_the_end(batches).is_empty()
    }

    fn beyond_the_end<'a>(&self, batches: &'a [u8]) -> &'a [u8] {
        let end = self.log_end_offset();
        let mut known_bytes = 0;
        for batch in split_batches(batches) {
            let Ok((header, _)) = batch else { break };
            if header.next_offset() > end {
                break;
            }
            known_bytes += header.size_bytes();
        }
        batches.get(known_bytes..).unwrap_or_default()
    }

    fn lost_before(&self, journaled: Offset) -> LogError {
        let end = self.log_end_offset();
        let base_offset = self.active().base_offset();
        LogError::Corrupt(Corruption {
            what: format!(
                "the log ends at offset {end}, the journal goes on at {journaled}: acknowledged records between are missing"
            ),
            file: names::file_path(&self.dir, base_offset, names::LOG),
            position: self.active().size,
            how_to_fix:
                "restore the partition's folder from a copy; to give these records up, stop the broker with SIGTERM, so that \
                 all other records in the journal are on disk, remove the barnabas-journal-* files beside the folder, and give \
                 the journal up with the setting that the next start names"
                    .to_owned(),
        })
    }
}
