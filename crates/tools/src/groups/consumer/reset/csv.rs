//! Offsets as CSV: `topic,partition,offset` for one group, `group,topic,partition,offset` for several.

use std::collections::BTreeMap;

use super::{NewOffsets, Outcome};

/// Jackson, which writes Kafka's files, looks at no more characters before it quotes.
const MAX_UNQUOTED: usize = 24;

/// The lines of `--export`, with the empty one that Kafka's tool prints last.
pub(super) fn export(outcome: &Outcome, only_one_group: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for (group, offsets) in outcome {
        for ((topic, partition), offset) in offsets {
            let row = format!("{},{partition},{offset}", quoted(topic));
            lines.push(if only_one_group { row } else { format!("{},{row}", quoted(group)) });
        }
    }
    lines.push(String::new());
    lines
}

fn quoted(text: &str) -> String {
    let is_plain = text.chars().count() <= MAX_UNQUOTED && text.chars().all(|c| c > ',');
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

/// The offsets in a file, by group. Lines may leave the group out if only one is meant.
pub(super) fn parse(text: &str, only_group: Option<&str>) -> Result<BTreeMap<String, NewOffsets>, String> {
    let lines: Vec<&str> = text.trim_end_matches('\n').split('\n').map(|line| line.trim_end_matches('\r')).collect();
    let without_group = lines.first().is_some_and(|line| row(&fields(line)).is_some());
    let mut plan: BTreeMap<String, NewOffsets> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        let fields = fields(line);
        let read = match only_group.filter(|_| without_group) {
            Some(group) => row(&fields).map(|row| (group, row)),
            None => fields.split_first().and_then(|(group, rest)| Some((group.as_str(), row(rest)?))),
        };
        let expected = if only_group.is_some() { "topic,partition,offset" } else { "group,topic,partition,offset" };
        let (group, (topic, partition, offset)) =
            read.ok_or_else(|| format!("line {} is not {expected}: {line}", index + 1))?;
        plan.entry(group.to_owned()).or_default().insert((topic, partition), offset);
    }
    Ok(plan)
}

fn row(fields: &[String]) -> Option<(String, i32, i64)> {
    let [topic, partition, offset] = fields else { return None };
    Some((topic.clone(), partition.trim().parse().ok()?, offset.trim().parse().ok()?))
}

fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut in_quotes) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if in_quotes && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => in_quotes = !in_quotes,
            ',' if !in_quotes => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exported_can_be_read() {
        let topic = "a-topic-with-more-than-24-characters";
        let offsets = NewOffsets::from([((topic.to_owned(), 0), 7), (("t".to_owned(), 1), 8)]);
        let outcome = Outcome::from([("a \"group\", quoted".to_owned(), offsets.clone())]);
        let one = export(&outcome, true);
        assert_eq!(one, [format!("\"{topic}\",0,7"), "t,1,8".to_owned(), String::new()]);
        assert_eq!(parse(&one[..2].join("\n"), Some("g")).unwrap()["g"], offsets);
        let several = export(&outcome, false);
        assert!(several[1].starts_with("\"a \"\"group\"\", quoted\",t,1"));
        assert_eq!(parse(&(several[..2].join("\r\n") + "\n"), None).unwrap(), outcome);
        assert_eq!(parse(&several[..2].join("\n"), Some("a \"group\", quoted")).unwrap(), outcome);
    }

    #[test]
    fn a_bad_line_is_named() {
        assert!(parse("t,0,1\nt,x,1\n", Some("g")).unwrap_err().contains("line 2"));
        assert!(parse("t,0,1\n", None).is_err());
        assert!(parse("", Some("g")).is_err());
    }
}
