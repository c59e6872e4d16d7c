//! ListGroups at every broker: each knows the groups that it coordinates.

use barnabas_protocol::messages::{ListGroupsRequest, ListGroupsResponse};

use crate::client::{Client, ClientError};

/// One group as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupListing {
    pub(crate) id: String,
    /// `consumer`, `connect`, `share` …; empty for groups that only hold offsets.
    pub(crate) protocol: String,
    /// `Stable` and so on; empty if the broker is too old to say.
    pub(crate) state: String,
    /// `Classic`, `Consumer`, `Share`, `Streams`; empty if the broker is too old to say.
    pub(crate) kind: String,
}

impl Client {
    /// All groups, by name. States and types filter where the broker understands them (KIP-518, KIP-848).
    pub(crate) fn list_groups(
        &mut self,
        states: &[String],
        types: &[String],
    ) -> Result<Vec<GroupListing>, ClientError> {
        let request = ListGroupsRequest { states_filter: states.to_vec(), types_filter: types.to_vec() };
        self.of_groups("listGroups", |client| {
            let brokers: Vec<i32> = client.brokers().map(|broker| broker.node_id).collect();
            let requests = brokers.into_iter().map(|id| (id, request.clone())).collect();
            let mut groups = Vec::new();
            for (broker, answer) in client.at_brokers(requests)? {
                ClientError::check(answer.error_code, None)?;
                for group in listed(answer) {
                    client.remember_coordinator(&group.id, broker);
                    groups.push(group);
                }
            }
            groups.retain(|group| passes(&group.state, states) && passes(&group.kind, types));
            groups.sort();
            groups.dedup_by(|one, other| one.id == other.id);
            Ok(groups)
        })
    }
}

fn listed(answer: ListGroupsResponse) -> impl Iterator<Item = GroupListing> {
    answer.groups.into_iter().map(|group| GroupListing {
        id: group.group_id,
        protocol: group.protocol_type,
        state: group.group_state,
        kind: capitalized(&group.group_type),
    })
}

/// Brokers write types in small letters, tools do not.
fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

/// Brokers that do not know the filter answer with everything.
fn passes(word: &str, wanted: &[String]) -> bool {
    wanted.is_empty() || wanted.iter().any(|one| one.eq_ignore_ascii_case(word))
}
