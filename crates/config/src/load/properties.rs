//! The `.properties` format as Java defines it: separators, escapes, continued lines, comments.

/// Why a text is not in the properties format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertiesError {
    /// Line of the problem, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

/// Line number, key and value of every entry, in order; repeated keys are kept.
pub fn parse_properties(text: &str) -> Result<Vec<(usize, String, String)>, PropertiesError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    logical_lines(text)
        .into_iter()
        .map(|(line, content)| {
            let (key, value) = split_entry(&content);
            let unescape = |part: &str| unescape(part).map_err(|problem| PropertiesError { line, problem });
            Ok((line, unescape(key)?, unescape(value)?))
        })
        .collect()
}

/// Joins lines that end in an odd number of backslashes; drops blank lines and comments.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut entries: Vec<(usize, String)> = Vec::new();
    let mut open: Option<(usize, String)> = None;
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    for (index, raw) in unified.split('\n').enumerate() {
        let content = raw.trim_start_matches([' ', '\t', '\u{c}']);
        if open.is_none() && (content.is_empty() || content.starts_with(['#', '!'])) {
            continue;
        }
        let (line, mut so_far) = open.take().unwrap_or((index + 1, String::new()));
        let backslashes = content.bytes().rev().take_while(|byte| *byte == b'\\').count();
        if backslashes % 2 == 1 {
            so_far.push_str(&content[..content.len() - 1]);
            open = Some((line, so_far));
        } else {
            so_far.push_str(content);
            entries.push((line, so_far));
        }
    }
    entries.extend(open);
    entries
}

/// Splits at the first unescaped `=`, `:` or blank; blanks around the separator belong to nobody.
fn split_entry(content: &str) -> (&str, &str) {
    let is_blank = |ch: char| matches!(ch, ' ' | '\t' | '\u{c}');
    let mut escaped = false;
    let end = content.char_indices().find(|(_, ch)| {
        let stop = !escaped && (matches!(ch, '=' | ':') || is_blank(*ch));
        escaped = *ch == '\\' && !escaped;
        stop
    });
    let Some((end, _)) = end else {
        return (content, "");
    };
    let (key, rest) = content.split_at(end);
    let rest = rest.trim_start_matches(is_blank);
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start_matches(is_blank);
    (key, value)
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut units: Vec<u16> = Vec::new();
    let mut chars = text.chars();
    while let Some(ch) = chars.next() {
        let escape = if ch == '\\' { chars.next() } else { None };
        if escape == Some('u') {
            units.push(read_unit(&mut chars)?);
            continue;
        }
        flush_units(&mut units, &mut out);
        out.push(match (ch, escape) {
            (_, Some('t')) => '\t',
            (_, Some('n')) => '\n',
            (_, Some('r')) => '\r',
            (_, Some('f')) => '\u{c}',
            (_, Some(other)) => other,
            ('\\', None) => continue,
            (other, None) => other,
        });
    }
    flush_units(&mut units, &mut out);
    Ok(out)
}

fn read_unit(chars: &mut std::str::Chars<'_>) -> Result<u16, String> {
    let digits: String = chars.by_ref().take(4).collect();
    let valid = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let unit = if valid { u16::from_str_radix(&digits, 16).ok() } else { None };
    unit.ok_or_else(|| format!("\\u must be followed by four hexadecimal digits, not '{digits}'"))
}

/// Java's escapes are UTF-16 units, so two of them may make one character.
fn flush_units(units: &mut Vec<u16>, out: &mut String) {
    out.push_str(&String::from_utf16_lossy(units));
    units.clear();
}

#[cfg(test)]
mod tests {
    use super::parse_properties;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse_properties(text).unwrap().into_iter().map(|(_, key, value)| (key, value)).collect()
    }

    fn one(text: &str) -> (String, String) {
        let mut all = pairs(text);
        assert_eq!(all.len(), 1, "{text:?}");
        all.remove(0)
    }

    #[test]
    fn separators() {
        for text in ["a=b", "a = b", "a:b", "a b", "  a\t:\tb", "a=b\r\n", "\u{feff}a=b"] {
            assert_eq!(one(text), ("a".into(), "b".into()), "{text:?}");
        }
        assert_eq!(one("a==b"), ("a".into(), "=b".into()));
        assert_eq!(one("a"), ("a".into(), String::new()));
        assert_eq!(one("a=b "), ("a".into(), "b ".into()));
        assert_eq!(one("l=PLAINTEXT://:9092,B://h:1"), ("l".into(), "PLAINTEXT://:9092,B://h:1".into()));
    }

    #[test]
    fn comments_and_blank_lines() {
        assert_eq!(pairs("# a=1\n! b=2\n\n   \n  # c=3\nd=#4"), [("d".into(), "#4".into())]);
    }

    #[test]
    fn continued_lines() {
        assert_eq!(one("a=b,\\\n    c,\\\r\n  d"), ("a".into(), "b,c,d".into()));
        assert_eq!(pairs("a=b\\\\\nc=d"), [("a".into(), "b\\".into()), ("c".into(), "d".into())]);
        assert_eq!(one("a=b\\\n# no comment"), ("a".into(), "b# no comment".into()));
        assert_eq!(one("a=b\\"), ("a".into(), "b".into()));
    }

    #[test]
    fn escapes() {
        assert_eq!(one(r"a\=b\:\ c=d"), ("a=b: c".into(), "d".into()));
        assert_eq!(one(r"k=\u00e4\uD83D\uDE00\t\q\\"), ("k".into(), "ä😀\tq\\".into()));
        let error = parse_properties("x=1\nk=\\u00g1").unwrap_err();
        assert_eq!(error.line, 2);
        assert!(parse_properties("k=\\u12").is_err());
    }

    #[test]
    fn repeated_keys_are_kept_with_their_lines() {
        let all = parse_properties("a=1\n\na=2").unwrap();
        assert_eq!(all.iter().map(|entry| entry.0).collect::<Vec<_>>(), [1, 3]);
    }
}
