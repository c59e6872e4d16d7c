//! Topics that the surroundings of a broker ask for at its start, before anybody is told that it is ready.

use barnabas_common::{ErrorCode, Uuid};
use barnabas_metadata::CreateTopicsItem;

use crate::broker::Broker;

impl Broker {
    /// Creates a topic unless it is there; -1 partitions or replicas take the defaults. Whether it is new, or why there is
    /// none.
    pub async fn create_topic_at_start(
        &self,
        name: &str,
        partitions: i32,
        replication_factor: i16,
        configs: &[(String, String)],
    ) -> Result<bool, String> {
        let item = CreateTopicsItem {
            name: name.to_owned(),
            id: Uuid::random(),
            partitions,
            replication_factor,
            assignments: Vec::new(),
            configs: configs.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect(),
        };
        let results = self.create_topics(vec![item], false).await.map_err(|error| error.to_string())?;
        match results.into_iter().next() {
            Some(Err(error)) if error.code == ErrorCode::TopicAlreadyExists => Ok(false),
            Some(Err(error)) => Err(error.to_string()),
            _ => Ok(true),
        }
    }
}
