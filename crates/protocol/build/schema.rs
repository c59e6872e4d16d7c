//! The schema language: one message per `message` line, one field per indented line.
//!
//! ```text
//! message NAME FIRST-LAST flexible FROM+|none
//!   struct NAME                      a struct used by several fields
//!   field: TYPE VERSIONS [nullable=VERSIONS] [tag=N/VERSIONS] [default=VALUE] [inflexible]
//!     nested: TYPE VERSIONS          the fields of a struct or of the elements of `[]Struct`
//! ```
//! Versions are `3+`, `3-7`, `3` or `none`. Types are Kafka's: bool, int8 … int64, uint16, uint32, float64,
//! string, bytes, records (`record_data` where a broker sends them from wherever they are), uuid, `[]T`, or the name of a
//! struct.

/// A closed range of versions; empty when `first > last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) first: i16,
    pub(crate) last: i16,
}

impl Versions {
    pub(crate) const NONE: Self = Self { first: 1, last: 0 };

    pub(crate) fn is_none(self) -> bool {
        self.first > self.last
    }

    fn parse(text: &str) -> Result<Self, String> {
        let number = |t: &str| t.parse::<i16>().map_err(|_| format!("bad versions '{text}'"));
        if text == "none" {
            Ok(Self::NONE)
        } else if let Some(first) = text.strip_suffix('+') {
            Ok(Self { first: number(first)?, last: i16::MAX })
        } else if let Some((first, last)) = text.split_once('-') {
            Ok(Self { first: number(first)?, last: number(last)? })
        } else {
            Ok(Self { first: number(text)?, last: number(text)? })
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Primitive(String),
    Array(Box<Type>),
    Struct(String),
}

impl Type {
    fn parse(text: &str) -> Self {
        const PRIMITIVES: [&str; 14] = [
            "bool",
            "int8",
            "int16",
            "uint16",
            "int32",
            "uint32",
            "int64",
            "float64",
            "string",
            "bytes",
            "records",
            "record_data",
            "uuid",
            "int128",
        ];
        match text.strip_prefix("[]") {
            Some(element) => Self::Array(Box::new(Self::parse(element))),
            None if PRIMITIVES.contains(&text) => Self::Primitive(text.to_owned()),
            None => Self::Struct(text.to_owned()),
        }
    }

    /// The struct at the core of this type.
    pub(crate) fn struct_name(&self) -> Option<&str> {
        match self {
            Self::Primitive(_) => None,
            Self::Array(element) => element.struct_name(),
            Self::Struct(name) => Some(name),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) versions: Versions,
    pub(crate) nullable: Versions,
    pub(crate) tag: Option<(u32, Versions)>,
    pub(crate) default: Option<String>,
    pub(crate) inflexible: bool,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) versions: Versions,
    pub(crate) flexible: Versions,
    pub(crate) structs: Vec<(String, Vec<Field>)>,
    pub(crate) fields: Vec<Field>,
}

struct Line<'a> {
    number: usize,
    indent: usize,
    words: Vec<&'a str>,
}

pub(crate) fn parse(text: &str) -> Result<Vec<Message>, String> {
    let lines: Vec<Line> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .map(|(i, line)| Line {
            number: i + 1,
            indent: line.len() - line.trim_start().len(),
            words: line.split_whitespace().collect(),
        })
        .collect();
    let mut messages = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        messages.push(parse_message(&lines, &mut at)?);
    }
    Ok(messages)
}

fn parse_message(lines: &[Line], at: &mut usize) -> Result<Message, String> {
    let ["message", name, versions, "flexible", flexible] = lines[*at].words[..] else {
        return Err(format!("line {}: expected 'message NAME VERSIONS flexible VERSIONS'", lines[*at].number));
    };
    *at += 1;
    let mut structs = Vec::new();
    while let Some(["struct", name]) = lines.get(*at).map(|line| &line.words[..]) {
        *at += 1;
        structs.push(((*name).to_owned(), parse_fields(lines, at, 4)?));
    }
    Ok(Message {
        name: name.to_owned(),
        versions: Versions::parse(versions)?,
        flexible: Versions::parse(flexible)?,
        structs,
        fields: parse_fields(lines, at, 2)?,
    })
}

fn parse_fields(lines: &[Line], at: &mut usize, indent: usize) -> Result<Vec<Field>, String> {
    let mut fields = Vec::new();
    while lines.get(*at).is_some_and(|line| line.indent == indent) {
        let mut field = parse_field(&lines[*at]).map_err(|error| format!("line {}: {error}", lines[*at].number))?;
        *at += 1;
        field.fields = parse_fields(lines, at, indent + 2)?;
        fields.push(field);
    }
    Ok(fields)
}

fn parse_field(line: &Line) -> Result<Field, String> {
    let [name, ty, versions, attributes @ ..] = &line.words[..] else {
        return Err("expected 'name: type versions'".to_owned());
    };
    let mut field = Field {
        name: name.strip_suffix(':').ok_or("a field name ends in ':'")?.to_owned(),
        ty: Type::parse(ty),
        versions: Versions::parse(versions)?,
        nullable: Versions::NONE,
        tag: None,
        default: None,
        inflexible: false,
        fields: Vec::new(),
    };
    for attribute in attributes {
        match attribute.split_once('=') {
            Some(("nullable", versions)) => field.nullable = Versions::parse(versions)?,
            Some(("default", value)) => field.default = Some(value.to_owned()),
            Some(("tag", tag)) => {
                let (number, versions) = tag.split_once('/').ok_or("expected tag=N/VERSIONS")?;
                field.tag = Some((number.parse().map_err(|_| "bad tag number")?, Versions::parse(versions)?));
            }
            None if *attribute == "inflexible" => field.inflexible = true,
            _ => return Err(format!("unknown attribute '{attribute}'")),
        }
    }
    Ok(field)
}
