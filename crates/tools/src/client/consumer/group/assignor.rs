//! Who reads what: the range assignor, and a cooperative one for groups whose other members know only that. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// A member as the leader sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) topics: Vec<String>,
    /// What it says it reads at the moment, in cooperative groups.
    pub(crate) owned: Vec<(String, i32)>,
}

/// Partitions by member.
pub(crate) type Assignment = BTreeMap<String, Vec<(String, i32)>>;

/// Topic by topic, in order of the members (static ones first), as Kafka's `RangeAssignor` does.
pub(crate) fn range(members: &[Member], partitions: &BTreeMap<String, i32>) -> Assignment {
    let mut sorted: Vec<&Member> = members.iter().collect();
    sorted.sort_by_key(|member| (member.instance_id.is_none(), member.instance_id.clone(), member.id.clone()));
    let mut assignment = empty(members);
    for (topic, count) in partitions {
        let readers: Vec<&&Member> = sorted.iter().filter(|member| member.topics.contains(topic)).collect();
        let Ok(reader_count) = i32::try_from(readers.len()) else { continue };
        let mut next = 0;
        for (index, member) in (0..reader_count).zip(readers) {
            let share = count / reader_count + i32::from(index < count % reader_count);
            let mine = (next..next + share).map(|partition| (topic.clone(), partition));
            assignment.entry(member.id.clone()).or_default().extend(mine);
            next += share;
        }
    }
    assignment
}

/// Balanced, leaving as much as possible where it is; what has to move is given to nobody until its owner let go.
pub(crate) fn cooperative(members: &[Member], partitions: &BTreeMap<String, i32>) -> Assignment {
    let all: BTreeSet<(String, i32)> =
        partitions.iter().flat_map(|(topic, count)| (0..*count).map(|partition| (topic.clone(), partition))).collect();
    let most = all.len().div_ceil(members.len().max(1));
    let mut assignment = empty(members);
    let mut owners: BTreeMap<(String, i32), String> = BTreeMap::new();
    for member in members {
        for place in member.owned.iter().filter(|place| all.contains(*place) && member.topics.contains(&place.0)) {
            let mine = assignment.entry(member.id.clone()).or_default();
            let is_first = !owners.contains_key(place);
            owners.entry(place.clone()).or_insert_with(|| member.id.clone());
            if is_first && mine.len() < most {
                mine.push(place.clone());
            }
        }
    }
    let given: BTreeSet<(String, i32)> = assignment.values().flatten().cloned().collect();
    for place in all.difference(&given) {
        let readers = members.iter().filter(|member| member.topics.contains(&place.0));
        let least = readers.min_by_key(|member| (assignment.get(&member.id).map_or(0, Vec::len), member.id.clone()));
        if let Some(member) = least.filter(|_| !owners.contains_key(place)) {
            assignment.entry(member.id.clone()).or_default().push(place.clone());
        }
    }
    assignment
}

fn empty(members: &[Member]) -> Assignment {
    members.iter().map(|member| (member.id.clone(), Vec::new())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, topics: &[&str], owned: &[i32]) -> Member {
        Member {
            id: id.into(),
            instance_id: None,
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            owned: owned.iter().map(|partition| ("t".to_owned(), *partition)).collect(),
        }
    }

    fn shown(assignment: &Assignment) -> String {
        let text = |(id, places): (&String, &Vec<(String, i32)>)| {
            let places: Vec<String> = places.iter().map(|(topic, partition)| format!("{topic}{partition}")).collect();
            format!("{id}={}", places.join(","))
        };
        assignment.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_range_gives_the_first_members_one_more() {
        let members = [member("b", &["t"], &[]), member("a", &["t", "u"], &[])];
        let partitions = BTreeMap::from([("t".into(), 3), ("u".into(), 1)]);
        assert_eq!(shown(&range(&members, &partitions)), "a=t0,t1,u0 b=t2");
        let mut members = members;
        members[0].instance_id = Some("s".into());
        assert_eq!(shown(&range(&members, &partitions)), "a=t2,u0 b=t0,t1");
    }

    #[test]
    fn cooperation_moves_only_what_was_let_go() {
        let partitions = BTreeMap::from([("t".into(), 4)]);
        let members = [member("a", &["t"], &[0, 1, 2, 3]), member("b", &["t"], &[])];
        assert_eq!(shown(&cooperative(&members, &partitions)), "a=t0,t1 b=");
        let members = [member("a", &["t"], &[0, 1]), member("b", &["t"], &[])];
        assert_eq!(shown(&cooperative(&members, &partitions)), "a=t0,t1 b=t2,t3");
    }
}
