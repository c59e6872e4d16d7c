//! Changes single lines of a text and leaves all others as they are.

use std::collections::BTreeMap;

use super::tree::At;

/// Where a service is named as one that must start before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mention {
    pub at: At,
    /// As a key with conditions below it, not as an item of a list.
    pub is_key: bool,
    /// Nothing else is named there.
    pub is_only: bool,
}

/// A line that changed; `after` is `None` if it is gone. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LineChange {
    pub line: usize,
    pub before: String,
    pub after: Option<String>,
}

pub(super) struct Edits {
    /// With their line ends.
    lines: Vec<String>,
    changed: BTreeMap<usize, Option<String>>,
}

impl Edits {
    pub(super) fn new(text: &str) -> Self {
        Self { lines: text.split_inclusive('\n').map(str::to_owned).collect(), changed: BTreeMap::new() }
    }

    fn line(&self, number: usize) -> Option<&str> {
        let changed = self.changed.get(&number);
        changed.map_or_else(|| self.lines.get(number).map(String::as_str), |line| line.as_deref())
    }

    /// Puts other text in the place of a scalar, inside of its quotes.
    pub(super) fn replace(&mut self, at: Option<At>, with: &str) {
        let Some(at) = at.filter(|at| at.line == at.end_line) else { return };
        // Two services may share one anchor.
        if self.changed.contains_key(&at.line) {
            return;
        }
        let Some(line) = self.line(at.line) else { return };
        let chars: Vec<char> = line.chars().collect();
        let Some(old) = chars.get(at.column..at.end_column) else { return };
        let start = at.column + properties_len(old);
        let (Some(before), Some(old), Some(after)) =
            (chars.get(..start), chars.get(start..at.end_column), chars.get(at.end_column..))
        else {
            return;
        };
        let text = |chars: &[char]| chars.iter().collect::<String>();
        let quote = old.first().filter(|ch| "\"'".contains(**ch)).map(char::to_string).unwrap_or_default();
        let blanks = old.iter().rev().take_while(|ch| ch.is_whitespace()).count();
        let trailing = &old[old.len() - blanks..];
        let changed = format!("{}{quote}{with}{quote}{}{}", text(before), text(trailing), text(after));
        self.changed.insert(at.line, Some(changed));
    }

    /// Removes a key with everything below it, and the comment right above it.
    pub(super) fn remove_block(&mut self, key: At) {
        let end = self.block_end(key);
        let mut start = key.line;
        while start > 0 && self.lines.get(start - 1).is_some_and(|line| is_comment_at(line, key.column)) {
            start -= 1;
        }
        for number in start..end {
            self.changed.insert(number, None);
        }
    }

    /// The first line behind everything that is indented deeper than the key. Empty lines before what follows stay, if
    /// there are some before the key as well.
    fn block_end(&self, key: At) -> usize {
        let mut end = key.line + 1;
        let mut last_content = key.line;
        while let Some(line) = self.lines.get(end) {
            let is_empty = line.trim().is_empty();
            if !is_empty && indentation(line) <= key.column {
                break;
            }
            if !is_empty {
                last_content = end;
            }
            end += 1;
        }
        let above_is_empty = key.line > 0 && self.lines.get(key.line - 1).is_some_and(|line| line.trim().is_empty());
        if above_is_empty { end } else { last_content + 1 }
    }

    /// Removes one of those that must start before; with the last one the section goes, too. Gives whether that worked.
    pub(super) fn remove_mention(&mut self, mention: &Mention) -> bool {
        let Mention { at, is_key, is_only } = *mention;
        let Some(line) = self.line(at.line).map(str::to_owned) else { return true };
        let is_in_flow = line.chars().take(at.column).any(|ch| "[{".contains(ch));
        if is_in_flow {
            let can = is_only || !is_key;
            if can {
                self.remove_from_flow(at, &line, is_only);
            }
            return can;
        }
        if is_key {
            self.remove_block(at);
        } else {
            self.changed.insert(at.line, None);
        }
        if is_only {
            self.remove_section_above(at);
        }
        true
    }

    fn remove_from_flow(&mut self, at: At, line: &str, is_only: bool) {
        if is_only {
            self.changed.insert(at.line, None);
            return;
        }
        let chars: Vec<char> = line.chars().collect();
        let (Some(before), Some(after)) = (chars.get(..at.column), chars.get(at.end_column..)) else { return };
        let (before, after): (String, String) = (before.iter().collect(), after.iter().collect());
        let joined = match after.trim_start().strip_prefix(',') {
            Some(rest) => format!("{before}{}", rest.trim_start()),
            None => format!("{}{after}", before.trim_end().trim_end_matches(',')),
        };
        self.changed.insert(at.line, Some(joined));
    }

    /// The nearest line above with less indentation opens the section; list items may stand at its own indentation.
    fn remove_section_above(&mut self, at: At) {
        let mut number = at.line;
        while number > 0 {
            number -= 1;
            let Some(line) = self.lines.get(number) else { return };
            let text = line.trim();
            let opens = text.starts_with("depends_on:") || text.starts_with("links:");
            if opens && indentation(line) <= at.column {
                self.changed.insert(number, None);
                return;
            }
        }
    }

    /// The new text, and what changed.
    pub(super) fn apply(self) -> (String, Vec<LineChange>) {
        let mut text = String::new();
        let mut changes = Vec::new();
        for (number, line) in self.lines.iter().enumerate() {
            match self.changed.get(&number) {
                None => text.push_str(line),
                Some(after) => {
                    text.push_str(after.as_deref().unwrap_or_default());
                    let shown = |line: &str| line.trim_end_matches(['\r', '\n']).to_owned();
                    changes.push(LineChange {
                        line: number + 1,
                        before: shown(line),
                        after: after.as_deref().map(shown),
                    });
                }
            }
        }
        (text, changes)
    }
}

/// Length of an anchor or a tag before a scalar, with the blanks behind it.
fn properties_len(text: &[char]) -> usize {
    let mut at = 0;
    while text.get(at).is_some_and(|ch| "&!".contains(*ch)) {
        at += text[at..].iter().take_while(|ch| !ch.is_whitespace()).count();
        at += text[at..].iter().take_while(|ch| ch.is_whitespace()).count();
    }
    at
}

fn indentation(line: &str) -> usize {
    line.chars().take_while(|ch| *ch == ' ').count()
}

fn is_comment_at(line: &str, column: usize) -> bool {
    indentation(line) == column && line.trim_start().starts_with('#')
}
