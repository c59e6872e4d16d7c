//! Boards and alert rules in docker/compose name only metrics that the broker exposes: those of docs/METRICS.md. Reads
//! PromQL no deeper than is needed to find names.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::repo;

const METRICS: &str = "docs/METRICS.md";
const RULES: &str = "docker/compose/monitoring/rules.yml";
const BOARDS: &str = "docker/compose/monitoring/grafana/dashboards";
/// What Prometheus itself makes.
const PROMETHEUS_OWN: &[&str] = &["up", "ALERTS"];
const HISTOGRAM_ENDINGS: &[&str] = &["_bucket", "_sum", "_count"];
/// Words before a list of labels.
const LABEL_LISTS: &[&str] = &["by", "without", "on", "ignoring", "group_left", "group_right"];
const OPERATORS: &[&str] = &["and", "or", "unless", "bool", "offset", "atan2"];

pub(super) fn check() -> Result<()> {
    let read =
        |path: &str| std::fs::read_to_string(repo::root().join(path)).with_context(|| format!("cannot read {path}"));
    let known = exposed(&read(METRICS)?);
    let mut wrong = unknown(RULES, &rule_expressions(&read(RULES)?), &known);
    let mut boards = 0;
    for entry in std::fs::read_dir(repo::root().join(BOARDS)).context(BOARDS)? {
        let path = entry?.path();
        let board: Value = serde_json::from_str(&std::fs::read_to_string(&path)?).with_context(|| name(&path))?;
        let mut expressions = Vec::new();
        board_expressions(&board, &mut expressions);
        if expressions.is_empty() {
            wrong.push(format!("{}: no expression was found", name(&path)));
        }
        wrong.extend(unknown(&name(&path), &expressions, &known));
        boards += 1;
    }
    if boards == 0 {
        wrong.push(format!("{BOARDS} holds no board"));
    }
    if wrong.is_empty() { Ok(()) } else { bail!("\n  {}", wrong.join("\n  ")) }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Names in the tables of the page, with the series that a histogram has.
fn exposed(page: &str) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = PROMETHEUS_OWN.iter().map(|name| (*name).to_owned()).collect();
    for line in page.lines() {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (Some(first), Some(kind)) = (cells.next(), cells.next()) else { continue };
        let Some(metric) = first.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) else { continue };
        if kind == "histogram" {
            names.extend(HISTOGRAM_ENDINGS.iter().map(|ending| format!("{metric}{ending}")));
        } else {
            names.insert(metric.to_owned());
        }
    }
    names
}

fn rule_expressions(rules: &str) -> Vec<String> {
    let expressions = rules.lines().filter_map(|line| line.trim().strip_prefix("expr:"));
    expressions.map(|text| text.trim().to_owned()).collect()
}

/// Every `expr`, and the queries of variables.
fn board_expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value.as_str() {
                    Some(text) if key == "expr" || key == "query" => found.push(text.to_owned()),
                    _ => board_expressions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| board_expressions(item, found)),
        _ => {}
    }
}

fn unknown(place: &str, expressions: &[String], known: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for expression in expressions {
        let names = metrics_in(expression);
        if names.is_empty() {
            wrong.push(format!("{place}: no metric was found in {expression:?}"));
        }
        let strangers = names.iter().filter(|name| !known.contains(*name));
        wrong.extend(strangers.map(|name| format!("{place}: {name} is not among the metrics of {METRICS}")));
    }
    wrong
}

/// Names of metrics in an expression: words that are no function, no operator and no label.
fn metrics_in(expression: &str) -> BTreeSet<String> {
    let text = without_selectors(expression);
    let mut found = BTreeSet::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|ch: char| ch.is_ascii_alphanumeric() || ch == '_') {
        let word_and_rest = &rest[start..];
        let end = word_and_rest
            .find(|ch: char| !(ch.is_ascii_alphanumeric() || "_:.".contains(ch)))
            .unwrap_or(word_and_rest.len());
        let (word, behind) = word_and_rest.split_at(end);
        rest = behind;
        let opens = behind.trim_start().strip_prefix('(');
        let aggregates = ["by ", "by(", "without"].iter().any(|word| behind.trim_start().starts_with(word));
        match opens {
            Some(list) if LABEL_LISTS.contains(&word) => rest = list.split_once(')').map_or("", |(_, rest)| rest),
            // The second argument is a label.
            Some(arguments) if word == "label_values" => {
                found.extend(arguments.split(',').next().map(|name| name.trim().to_owned()));
                return found;
            }
            Some(_) => {}
            None if aggregates => {}
            None if OPERATORS.contains(&word) || word.starts_with(|ch: char| ch.is_ascii_digit()) => {}
            None => {
                found.insert(word.to_owned());
            }
        }
    }
    found
}

/// Without label selectors, ranges and texts.
fn without_selectors(expression: &str) -> String {
    let mut out = String::new();
    let (mut depth, mut quote) = (0_usize, None);
    for ch in expression.chars() {
        match (quote, ch) {
            (Some(open), _) if ch == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(ch),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            (None, _) if depth == 0 => out.push(ch),
            (None, _) => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{exposed, metrics_in, unknown};

    #[test]
    fn names_are_found_among_functions_and_labels() {
        let names = |text: &str| metrics_in(text).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(names(r#"sum by (le, topic) (rate(a_total{x="}b(",y=~"c"}[5m])) > 0.5"#), "a_total");
        assert_eq!(names("a{x=\"1\"} / on (instance) group_left (v) b offset 5m unless c >= 1e3"), "a b c");
        assert_eq!(names("histogram_quantile(0.99, sum by (le) (rate(h_bucket[$__rate_interval])))"), "h_bucket");
        assert_eq!(names("label_values(a_info, instance)"), "a_info");
    }

    #[test]
    fn strangers_are_told() {
        let known = exposed("| `a_total` | counter | | x |\n| `h_seconds` | histogram | `le` | y |\n");
        let expressions = ["a_total + h_seconds_bucket".to_owned(), "h_seconds".to_owned(), "b".to_owned()];
        assert_eq!(unknown("f", &expressions, &known).len(), 2);
    }
}
