//! What a line means: headers, key and value between separators, as the properties say. Pure.

use barnabas_protocol::records::RecordHeader;
use bytes::Bytes;
use regex::bytes::Regex;

use crate::properties::Properties;

/// A record as it was typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<RecordHeader>,
}

/// Reads lines as Kafka's `LineMessageReader` does. Errors are texts of its exceptions.
pub(crate) struct LineReader {
    parse_key: bool,
    key_separator: Vec<u8>,
    parse_headers: bool,
    headers_delimiter: Vec<u8>,
    /// A regular expression, as in Java.
    headers_separator: Regex,
    headers_key_separator: Vec<u8>,
    ignore_error: bool,
    null_marker: Option<Vec<u8>>,
    line_number: u64,
}

impl LineReader {
    pub(crate) fn new(properties: &Properties) -> Result<Self, String> {
        let text = |key: &str, default: &str| properties.get(key).cloned().unwrap_or_else(|| default.to_owned());
        let flag = |key: &str| properties.get(key).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
        let key_separator = text("key.separator", "\t");
        let delimiter = text("headers.delimiter", "\t");
        let separator = text("headers.separator", ",");
        let key_of_header = text("headers.key.separator", ":");
        let null_marker = properties.get("null.marker").cloned();
        let named = [
            ("headers.delimiter", delimiter.as_str()),
            ("headers.separator", separator.as_str()),
            ("headers.key.separator", key_of_header.as_str()),
        ];
        check_distinct(&named, &key_separator, null_marker.as_deref())?;
        Ok(Self {
            parse_key: flag("parse.key"),
            key_separator: key_separator.into_bytes(),
            parse_headers: flag("parse.headers"),
            headers_separator: Regex::new(&separator).map_err(|error| format!("headers.separator: {error}"))?,
            headers_delimiter: delimiter.into_bytes(),
            headers_key_separator: key_of_header.into_bytes(),
            ignore_error: flag("ignore.error"),
            null_marker: null_marker.map(String::into_bytes),
            line_number: 0,
        })
    }

    /// The record of the next line.
    pub(crate) fn parse(&mut self, line: &[u8]) -> Result<Parsed, String> {
        self.line_number += 1;
        let (headers, rest) =
            self.take(self.parse_headers, line, line, &self.headers_delimiter, "headers delimiter")?;
        let (key, value) = self.take(self.parse_key, rest, line, &self.key_separator, "key separator")?;
        let headers = match headers {
            Some(headers) if !self.is_null(headers) => self.headers(headers)?,
            _ => Vec::new(),
        };
        Ok(Parsed { key: key.and_then(|key| self.bytes(key)), value: self.bytes(value), headers })
    }

    fn is_null(&self, bytes: &[u8]) -> bool {
        self.null_marker.as_deref() == Some(bytes)
    }

    fn bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        (!self.is_null(bytes)).then(|| bytes.to_vec())
    }

    /// What is before the separator, and what is behind.
    fn take<'l>(
        &self,
        is_wanted: bool,
        text: &'l [u8],
        line: &[u8],
        separator: &[u8],
        name: &str,
    ) -> Result<(Option<&'l [u8]>, &'l [u8]), String> {
        if !is_wanted {
            return Ok((None, text));
        }
        match find(text, separator) {
            Some(index) => Ok((Some(&text[..index]), &text[index + separator.len()..])),
            None if self.ignore_error => Ok((None, text)),
            None => {
                let line = String::from_utf8_lossy(line);
                Err(format!("No {name} found on line number {}: '{line}'", self.line_number))
            }
        }
    }

    fn headers(&self, text: &[u8]) -> Result<Vec<RecordHeader>, String> {
        let mut pairs: Vec<&[u8]> = self.headers_separator.split(text).collect();
        // Java's split drops empty strings at the end.
        while pairs.len() > 1 && pairs.last().is_some_and(|pair| pair.is_empty()) {
            pairs.pop();
        }
        pairs.into_iter().map(|pair| self.header(pair)).collect()
    }

    fn header(&self, pair: &[u8]) -> Result<RecordHeader, String> {
        let shown = String::from_utf8_lossy(pair);
        let Some(index) = find(pair, &self.headers_key_separator) else {
            if self.ignore_error {
                return Ok(RecordHeader::new(pair.to_vec(), None::<Bytes>));
            }
            return Err(format!("No header key separator found in pair '{shown}' on line number {}", self.line_number));
        };
        let (key, value) = (&pair[..index], &pair[index + self.headers_key_separator.len()..]);
        if self.is_null(key) {
            let marker = String::from_utf8_lossy(key);
            return Err(format!("Header keys should not be equal to the null marker '{marker}' as they can't be null"));
        }
        Ok(RecordHeader::new(key.to_vec(), self.bytes(value)))
    }
}

/// Separators that are equal, or equal to the null marker, cannot be told apart.
fn check_distinct(named: &[(&str, &str); 3], key_separator: &str, null_marker: Option<&str>) -> Result<(), String> {
    for (first, second) in [(0, 1), (0, 2), (1, 2)] {
        if named[first].1 == named[second].1 {
            return Err(format!("{} and {} may not be equal", named[first].0, named[second].0));
        }
    }
    let with_key = [("key.separator", key_separator), named[1], named[0], named[2]];
    match with_key.iter().find(|(_, separator)| Some(*separator) == null_marker) {
        Some((name, _)) => Err(format!("null.marker and {name} may not be equal")),
        None => Ok(()),
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    if wanted.is_empty() {
        return Some(0);
    }
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(pairs: &[(&str, &str)]) -> Result<LineReader, String> {
        LineReader::new(&pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    fn parsed(pairs: &[(&str, &str)], line: &str) -> Result<String, String> {
        let parsed = reader(pairs)?.parse(line.as_bytes())?;
        let text = |bytes: &Option<Vec<u8>>| bytes.clone().map(|bytes| String::from_utf8(bytes).unwrap());
        let headers = parsed.headers.iter().map(|header| format!("{:?}={:?}", header.key, header.value));
        Ok(format!("{:?} {:?} {:?}", text(&parsed.key), text(&parsed.value), headers.collect::<Vec<_>>()))
    }

    #[test]
    fn a_line_is_a_value_unless_more_is_asked_for() {
        assert_eq!(parsed(&[], "a\tb").unwrap(), "None Some(\"a\\tb\") []");
        assert_eq!(parsed(&[("parse.key", "true")], "a\tb").unwrap(), "Some(\"a\") Some(\"b\") []");
        let keyed = [("parse.key", "True"), ("key.separator", "::"), ("null.marker", "N")];
        assert_eq!(parsed(&keyed, "k::N").unwrap(), "Some(\"k\") None []");
        assert_eq!(parsed(&keyed, "N::").unwrap(), "None Some(\"\") []");
    }

    #[test]
    fn headers_come_first() {
        let all = [("parse.key", "true"), ("parse.headers", "true"), ("key.separator", ":")];
        let expected = "Some(\"k\") Some(\"v\") [\"b\\\"h1\\\"=Some(b\\\"a\\\")\", \"b\\\"h2\\\"=Some(b\\\"b:c\\\")\"]";
        assert_eq!(parsed(&all, "h1:a,h2:b:c\tk:v").unwrap(), expected);
    }

    #[test]
    fn errors_are_those_of_java_and_can_be_ignored() {
        let told = parsed(&[("parse.key", "true"), ("key.separator", ":")], "a").unwrap_err();
        assert_eq!(told, "No key separator found on line number 1: 'a'");
        let lenient = [("parse.key", "true"), ("ignore.error", "true")];
        assert_eq!(parsed(&lenient, "a").unwrap(), "None Some(\"a\") []");
        let told = parsed(&[("parse.headers", "true")], "x\ty").unwrap_err();
        assert_eq!(told, "No header key separator found in pair 'x' on line number 1");
        let told = reader(&[("headers.delimiter", ",")]).err().unwrap();
        assert_eq!(told, "headers.delimiter and headers.separator may not be equal");
        assert_eq!(reader(&[("null.marker", "\t")]).err().unwrap(), "null.marker and key.separator may not be equal");
    }
}
