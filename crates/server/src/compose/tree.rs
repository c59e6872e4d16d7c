//! YAML as a tree whose scalars know where they stand. Anchors are resolved when asked for, so nothing multiplies.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, Span};

/// Nesting beyond this is nobody's compose file.
const MAX_DEPTH: usize = 64;

/// A place in the file: line and column from 0, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

/// A key and its value.
type Pair = (Rc<Node>, Rc<Node>);

#[derive(Debug)]
pub(super) enum Node {
    Scalar { text: String, at: At },
    List(Vec<Rc<Node>>),
    Map { entries: Vec<Pair>, is_flow: bool },
    Alias(usize),
}

/// A parsed document.
#[derive(Debug)]
pub(super) struct Tree {
    pub root: Rc<Node>,
    anchors: HashMap<usize, Rc<Node>>,
}

impl Tree {
    /// Reads the first document.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut events = Parser::new_from_str(text);
        let mut builder = Builder { anchors: HashMap::new(), lines: text.lines().collect() };
        loop {
            match next(&mut events)? {
                (Event::StreamStart | Event::DocumentStart(_), _) => {}
                (Event::StreamEnd | Event::DocumentEnd, _) => return Err("the file is empty".to_owned()),
                (event, span) => {
                    let root = builder.node(event, span, &mut events, 0)?;
                    return Ok(Self { root, anchors: builder.anchors });
                }
            }
        }
    }

    /// The node that is meant, if it is an alias. An alias of an alias cannot be written.
    pub(super) fn resolved<'a>(&'a self, node: &'a Rc<Node>) -> &'a Rc<Node> {
        match &**node {
            Node::Alias(id) => self.anchors.get(id).unwrap_or(node),
            _ => node,
        }
    }

    /// The text of a scalar, through an alias.
    pub(super) fn text<'a>(&'a self, node: &'a Rc<Node>) -> Option<&'a str> {
        match &**self.resolved(node) {
            Node::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Entries of a map with those merged by `<<`, the map's own first. Only as deep as merges are nested by people.
    pub(super) fn entries<'a>(&'a self, node: &'a Rc<Node>) -> Vec<(&'a Rc<Node>, &'a Rc<Node>)> {
        let mut found = Vec::new();
        self.collect(node, 0, &mut found);
        found
    }

    fn collect<'a>(&'a self, node: &'a Rc<Node>, depth: usize, found: &mut Vec<(&'a Rc<Node>, &'a Rc<Node>)>) {
        const MERGES: usize = 8;
        const ENTRIES: usize = 10_000;
        let Node::Map { entries, .. } = &**self.resolved(node) else { return };
        let mut merged = Vec::new();
        for (key, value) in entries {
            match self.text(key) {
                Some("<<") => merged.push(value),
                Some(name) if !found.iter().any(|(known, _)| self.text(known) == Some(name)) => {
                    found.push((key, value))
                }
                _ => {}
            }
        }
        for value in merged.into_iter().filter(|_| depth < MERGES) {
            match &**self.resolved(value) {
                Node::List(items) if found.len() < ENTRIES => {
                    items.iter().take(32).for_each(|item| self.collect(item, depth + 1, found));
                }
                _ if found.len() < ENTRIES => self.collect(value, depth + 1, found),
                _ => {}
            }
        }
    }

    /// The value of a key, merged ones included.
    pub(super) fn get<'a>(&'a self, node: &'a Rc<Node>, key: &str) -> Option<&'a Rc<Node>> {
        self.entries(node).into_iter().find(|(known, _)| self.text(known) == Some(key)).map(|(_, value)| value)
    }

    /// Every text below a node, through aliases, up to a number that no compose file reaches.
    pub(super) fn texts(&self, node: &Rc<Node>) -> Vec<String> {
        let mut found = Vec::new();
        self.collect_texts(node, 0, &mut found);
        found
    }

    fn collect_texts(&self, node: &Rc<Node>, depth: usize, found: &mut Vec<String>) {
        const TEXTS: usize = 10_000;
        if depth > MAX_DEPTH || found.len() > TEXTS {
            return;
        }
        match &**self.resolved(node) {
            Node::Scalar { text, .. } => found.push(text.clone()),
            Node::List(items) => items.iter().for_each(|item| self.collect_texts(item, depth + 1, found)),
            Node::Map { entries, .. } => entries.iter().for_each(|(key, value)| {
                self.collect_texts(key, depth + 1, found);
                self.collect_texts(value, depth + 1, found);
            }),
            Node::Alias(_) => {}
        }
    }
}

fn next<'a>(events: &mut Parser<'a, saphyr_parser::StrInput<'a>>) -> Result<(Event<'a>, Span), String> {
    match events.next() {
        Some(Ok(event)) => Ok(event),
        Some(Err(error)) => Err(format!("this is no YAML: {error}")),
        None => Err("the file ends too early".to_owned()),
    }
}

struct Builder<'t> {
    anchors: HashMap<usize, Rc<Node>>,
    lines: Vec<&'t str>,
}

impl Builder<'_> {
    fn node<'a>(
        &mut self,
        event: Event<'a>,
        span: Span,
        events: &mut Parser<'a, saphyr_parser::StrInput<'a>>,
        depth: usize,
    ) -> Result<Rc<Node>, String> {
        if depth > MAX_DEPTH {
            return Err("it is nested too deeply".to_owned());
        }
        let (node, anchor) = match event {
            Event::Alias(id) => (Node::Alias(id), 0),
            Event::Scalar(text, _, anchor, _) => (Node::Scalar { text: text.into_owned(), at: at(span) }, anchor),
            Event::SequenceStart(anchor, _) => (Node::List(self.items(events, depth)?), anchor),
            Event::MappingStart(anchor, _) => {
                let is_flow = self.starts_with(span, '{');
                (Node::Map { entries: self.pairs(events, depth)?, is_flow }, anchor)
            }
            other => return Err(format!("unexpected {other:?}")),
        };
        let node = Rc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        Ok(node)
    }

    fn items<'a>(
        &mut self,
        events: &mut Parser<'a, saphyr_parser::StrInput<'a>>,
        depth: usize,
    ) -> Result<Vec<Rc<Node>>, String> {
        let mut items = Vec::new();
        loop {
            match next(events)? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, events, depth + 1)?),
            }
        }
    }

    fn pairs<'a>(
        &mut self,
        events: &mut Parser<'a, saphyr_parser::StrInput<'a>>,
        depth: usize,
    ) -> Result<Vec<Pair>, String> {
        let mut pairs = Vec::new();
        loop {
            let key = match next(events)? {
                (Event::MappingEnd, _) => return Ok(pairs),
                (event, span) => self.node(event, span, events, depth + 1)?,
            };
            let (event, span) = next(events)?;
            pairs.push((key, self.node(event, span, events, depth + 1)?));
        }
    }

    fn starts_with(&self, span: Span, sign: char) -> bool {
        let line = self.lines.get(span.start.line().saturating_sub(1));
        line.and_then(|line| line.chars().nth(span.start.col())) == Some(sign)
    }
}

fn at(span: Span) -> At {
    At {
        line: span.start.line().saturating_sub(1),
        column: span.start.col(),
        end_line: span.end.line().saturating_sub(1),
        end_column: span.end.col(),
    }
}
