//! `--validate-regex`: whether a regular expression is one of RE2, which brokers use for subscriptions (KIP-848). Only
//! its syntax is judged, and nothing is matched.

use crate::Context;
use crate::groups::Stop;

pub(super) fn run(context: &mut Context<'_>, regex: &str) -> Result<(), Stop> {
    let line = match problem(regex) {
        None => format!("The regular expression `{regex}` is valid."),
        Some(problem) => format!("The regular expression `{regex}` is invalid: {problem}."),
    };
    Ok(context.out(line)?)
}

/// What is wrong, in RE2's words.
fn problem(regex: &str) -> Option<&'static str> {
    let (mut depth, mut repeatable, mut repeated) = (0_usize, false, false);
    let mut rest = regex;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let was_repeated = std::mem::take(&mut repeated);
        match c {
            '\\' => {
                rest = match after_escape(rest) {
                    Ok(rest) => rest,
                    Err(problem) => return Some(problem),
                };
                repeatable = true;
            }
            '(' => {
                rest = match after_group_start(rest) {
                    Ok(rest) => rest,
                    Err(problem) => return Some(problem),
                };
                (depth, repeatable) = (depth + 1, false);
            }
            ')' if depth == 0 => return Some("unexpected )"),
            ')' => (depth, repeatable) = (depth - 1, true),
            '|' => repeatable = false,
            '[' => match after_class(rest) {
                Some(end) => (rest, repeatable) = (end, true),
                None => return Some("missing closing ]"),
            },
            '*' | '+' | '?' => {
                if was_repeated {
                    return Some("invalid nested repetition operator");
                }
                if !repeatable {
                    return Some("missing argument to repetition operator");
                }
                rest = rest.strip_prefix('?').unwrap_or(rest);
                repeated = true;
            }
            '{' => {
                if let Some((end, sane)) = after_count(rest) {
                    match (sane, was_repeated, repeatable) {
                        (false, ..) => return Some("invalid repeat count"),
                        (_, true, _) => return Some("invalid nested repetition operator"),
                        (_, _, false) => return Some("missing argument to repetition operator"),
                        _ => (rest, repeated) = (end.strip_prefix('?').unwrap_or(end), true),
                    }
                } else {
                    repeatable = true;
                }
            }
            _ => repeatable = true,
        }
    }
    (depth > 0).then_some("missing closing )")
}

fn after_escape(rest: &str) -> Result<&str, &'static str> {
    let c = rest.chars().next().ok_or("trailing backslash at end of expression")?;
    let end = &rest[c.len_utf8()..];
    let known = "pPQEABbCzaftnrvdDsSwWx";
    match c {
        'Q' => Ok(end.split_once("\\E").map_or("", |(_, after)| after)),
        'p' | 'P' => match end.strip_prefix('{') {
            Some(name) => name.split_once('}').map(|(_, after)| after).ok_or("invalid character class range"),
            None => end.chars().next().map(|c| &end[c.len_utf8()..]).ok_or("invalid character class range"),
        },
        c if c.is_ascii_alphabetic() && !known.contains(c) => Err("invalid escape sequence"),
        '1'..='9' => Err("invalid escape sequence"),
        _ => Ok(end),
    }
}

fn after_group_start(rest: &str) -> Result<&str, &'static str> {
    let Some(flags) = rest.strip_prefix('?') else { return Ok(rest) };
    if let Some(name) = flags.strip_prefix("P<").or_else(|| flags.strip_prefix('<')) {
        let (name, after) = name.split_once('>').ok_or("invalid named capture")?;
        let is_word = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        return if is_word { Ok(after) } else { Err("invalid named capture") };
    }
    let end = flags.find(|c: char| !"imsU-".contains(c)).ok_or("missing closing )")?;
    match flags[end..].chars().next() {
        Some(':') => Ok(&flags[end + 1..]),
        // The group that only sets flags is closed by what follows.
        Some(')') if end > 0 => Ok(&flags[end..]),
        _ => Err("invalid or unsupported Perl syntax"),
    }
}

fn after_class(rest: &str) -> Option<&str> {
    let body = rest.strip_prefix('^').unwrap_or(rest);
    let mut at = usize::from(body.starts_with(']'));
    loop {
        let c = body[at..].chars().next()?;
        let named = body[at..].starts_with("[:").then(|| body[at..].find(":]")).flatten();
        if let Some(end) = named {
            at += end + 2;
            continue;
        }
        at += c.len_utf8();
        match c {
            ']' => return Some(&body[at..]),
            '\\' => at += body[at..].chars().next()?.len_utf8(),
            _ => {}
        }
    }
}

/// What follows a `{n,m}`, and whether its numbers are sane; `None` if the brace stands for itself.
fn after_count(rest: &str) -> Option<(&str, bool)> {
    let (inside, after) = rest.split_once('}')?;
    let (least, most) = inside
        .split_once(',')
        .map_or((inside, Some(inside)), |(least, most)| (least, Some(most).filter(|most| !most.is_empty())));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(least) || most.is_some_and(|most| !is_number(most)) {
        return None;
    }
    let value = |text: &str| text.parse::<u32>().ok().filter(|count| *count <= 1000);
    let sane = match (value(least), most.map(value)) {
        (Some(least), Some(Some(most))) => least <= most,
        (Some(_), None) => true,
        _ => false,
    };
    Some((after, sane))
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn valid_ones() {
        for regex in [
            "a.*",
            "topic-[0-9]+",
            "(a|b)?c{2,3}",
            "(?i)x",
            "(?:a)",
            "[]a]",
            "\\d+\\.",
            "",
            "a{x",
            "[[:alpha:]]",
            "\\Q(\\E",
        ] {
            assert_eq!(problem(regex), None, "{regex}");
        }
    }

    #[test]
    fn invalid_ones() {
        for (regex, told) in [
            ("[a", "missing closing ]"),
            ("(a", "missing closing )"),
            ("a)", "unexpected )"),
            ("*a", "missing argument to repetition operator"),
            ("a**", "invalid nested repetition operator"),
            ("a\\", "trailing backslash at end of expression"),
            ("a{2,1}", "invalid repeat count"),
            ("(?=a)", "invalid or unsupported Perl syntax"),
        ] {
            assert_eq!(problem(regex), Some(told), "{regex}");
        }
    }
}
