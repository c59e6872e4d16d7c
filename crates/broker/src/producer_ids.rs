//! Producer ids, handed out from blocks that the metadata gives this broker.

use barnabas_metadata::ProducerIdBlock;
use parking_lot::Mutex;

/// The block in use.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds {
    block: Mutex<Option<ProducerIdBlock>>,
}

impl ProducerIds {
    /// The next id, unless the block is used up.
    pub(crate) fn take(&self) -> Option<i64> {
        let mut block = self.block.lock();
        let current = block.as_mut().filter(|block| block.len > 0)?;
        let id = current.first;
        current.first += 1;
        current.len -= 1;
        Some(id)
    }

    /// Goes on with a new block. Ids left in the old one are lost, never given twice.
    pub(crate) fn refill(&self, block: ProducerIdBlock) {
        *self.block.lock() = Some(block);
    }
}

#[cfg(test)]
mod tests {
    use super::{ProducerIdBlock, ProducerIds};

    #[test]
    fn ids_come_in_order_and_end_with_the_block() {
        let ids = ProducerIds::default();
        assert_eq!(ids.take(), None);
        ids.refill(ProducerIdBlock { first: 1000, len: 2 });
        assert_eq!((ids.take(), ids.take(), ids.take()), (Some(1000), Some(1001), None));
    }
}
