//! Command lines of Kafka's newer tools, which have subcommands: `usage: kafka-cluster [-h] …`, then
//! `kafka-cluster: error: …`, exit code 1. A tool describes itself as a tree of [`Parser`]s; usage texts are literal.

use crate::failure::Failure;

/// How many values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None.
    Switch,
    /// One; the last one given counts.
    One,
    /// One each time it is given.
    Append,
}

/// An option: its names, the first of which is the key.
pub(crate) struct Opt {
    pub(crate) names: &'static [&'static str],
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
}

/// A tool or one of its subcommands.
pub(crate) struct Parser {
    /// The words after `usage: `.
    pub(crate) usage: &'static str,
    pub(crate) options: &'static [Opt],
    pub(crate) commands: &'static [(&'static str, &'static Parser)],
    /// Of each group exactly one has to be given.
    pub(crate) required: &'static [&'static [&'static str]],
    /// Of each group at most one may be given.
    pub(crate) exclusive: &'static [&'static [&'static str]],
}

/// What was found on a command line.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// The subcommand.
    pub(crate) command: &'static str,
    values: Vec<(&'static str, String)>,
}

/// Why parsing ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// `-h`: this text.
    Help(String),
    /// The usage to show and what is wrong.
    Wrong { usage: &'static str, text: String },
}

impl Parsed {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(known, _)| *known == name)
    }

    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.values.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.values.iter().filter(|(known, _)| *known == name).map(|(_, value)| value.as_str()).collect()
    }
}

impl Parser {
    /// Reads a command line; `--output json` is accepted anywhere, since every tool knows it.
    pub(crate) fn parse(&'static self, arguments: &[String]) -> Result<Parsed, Stop> {
        let mut words = Vec::new();
        let mut rest = arguments.iter().peekable();
        while let Some(word) = rest.next() {
            if word == "--output" && rest.peek().is_some_and(|next| *next == "json" || *next == "text") {
                rest.next();
            } else if word != "--output=json" && word != "--output=text" {
                words.push(word.as_str());
            }
        }
        let mut parsed = Parsed::default();
        self.read(&words, &mut parsed)?;
        Ok(parsed)
    }

    fn read(&'static self, words: &[&str], parsed: &mut Parsed) -> Result<(), Stop> {
        let mut at = 0;
        let mut has_command = false;
        while let Some(word) = words.get(at) {
            at += 1;
            if matches!(*word, "-h" | "--help") {
                return Err(Stop::Help(self.help()));
            }
            if word.starts_with('-') && word.len() > 1 {
                at += self.option(word, &words[at..], parsed)?;
            } else if self.commands.is_empty() {
                return Err(self.wrong(format!("unrecognized arguments: '{}'", words[at - 1..].join(" "))));
            } else {
                let (name, parser) = self.command(word)?;
                parsed.command = name;
                parser.read(&words[at..], parsed)?;
                has_command = true;
                break;
            }
        }
        if !has_command && !self.commands.is_empty() {
            return Err(self.wrong("too few arguments".into()));
        }
        self.check(parsed)
    }

    fn command(&'static self, word: &str) -> Result<(&'static str, &'static Self), Stop> {
        self.commands.iter().find(|(name, _)| *name == word).copied().ok_or_else(|| {
            let names: Vec<String> = self.commands.iter().map(|(name, _)| format!("'{name}'")).collect();
            self.wrong(format!("invalid choice: '{word}' (choose from {})", names.join(", ")))
        })
    }

    /// Takes the values of an option; gives how many words they were.
    fn option(&'static self, word: &str, rest: &[&str], parsed: &mut Parsed) -> Result<usize, Stop> {
        let (name, attached) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        let option = self.find(name).ok_or_else(|| self.wrong(format!("unrecognized arguments: '{word}'")))?;
        let key = option.names[0];
        let is_value = |word: &&&str| !word.starts_with('-') || word.parse::<f64>().is_ok();
        let expected = |what| self.wrong(format!("argument {}: expected {what}", option.names.join("/")));
        match (option.kind, attached) {
            (Kind::Switch, _) => {
                parsed.values.push((key, String::new()));
                Ok(0)
            }
            (_, Some(value)) => {
                parsed.values.push((key, value));
                Ok(0)
            }
            (Kind::One | Kind::Append, None) => {
                let value = rest.first().filter(is_value).ok_or_else(|| expected("one argument"))?;
                parsed.values.push((key, (*value).to_owned()));
                Ok(1)
            }
        }
    }

    /// By its name, or by a beginning that no other long name has.
    fn find(&'static self, name: &str) -> Option<&'static Opt> {
        let exact = self.options.iter().find(|option| option.names.contains(&name));
        let begins = |option: &&Opt| option.names.iter().any(|known| known.starts_with(name));
        let mut similar = self.options.iter().filter(begins);
        exact.or_else(|| match (similar.next(), similar.next()) {
            (Some(only), None) if name.starts_with("--") && name.len() > 2 => Some(only),
            _ => None,
        })
    }

    fn check(&'static self, parsed: &Parsed) -> Result<(), Stop> {
        let title = |name: &str| self.find(name).map(|option| option.names.join("/")).unwrap_or_default();
        for group in self.required.iter().chain(self.exclusive) {
            let given: Vec<&str> = group.iter().copied().filter(|name| parsed.has(name)).collect();
            if let [first, second, ..] = given[..] {
                let text = format!("argument {}: not allowed with argument {}", title(second), title(first));
                return Err(self.wrong(text));
            }
        }
        for group in self.required {
            if !group.iter().any(|name| parsed.has(name)) {
                let titles: Vec<String> = group.iter().map(|name| title(name)).collect();
                return Err(self.wrong(match &titles[..] {
                    [only] => format!("argument {only} is required"),
                    all => format!("one of the arguments {} is required", all.join(" ")),
                }));
            }
        }
        Ok(())
    }

    fn wrong(&'static self, text: String) -> Stop {
        Stop::Wrong { usage: self.usage, text }
    }

    /// The usage and the options.
    pub(crate) fn help(&self) -> String {
        let mut lines = vec![format!("usage: {}", self.usage), String::new()];
        if !self.commands.is_empty() {
            lines.push("commands:".into());
            lines.extend(self.commands.iter().map(|(name, _)| format!("  {name}")));
            lines.push(String::new());
        }
        lines.push("options:".into());
        lines.push(format!("  {:<38} {}", "-h, --help", "show this help message and exit"));
        lines.extend(self.options.iter().map(|option| format!("  {:<38} {}", option.names.join(", "), option.help)));
        lines.push(format!("  {:<38} {}", "--output json", "one JSON document, and exit codes that tell the truth"));
        lines.join("\n")
    }
}

impl Stop {
    /// In the manner of most of these tools.
    pub(crate) fn into_failure(self, context: &mut crate::Context<'_>, tool: &str) -> Failure {
        match self {
            Self::Help(text) => context.out(text).map_or_else(Failure::from, |()| Failure::Exit(0)),
            Self::Wrong { usage, text } => Failure::Message(format!("usage: {usage}\n{tool}: error: {text}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SUB: Parser = Parser {
        usage: "tool sub [-h] --id ID",
        options: &[Opt { names: &["--id", "-i"], kind: Kind::One, help: "" }],
        commands: &[],
        required: &[&["--id"]],
        exclusive: &[],
    };
    static TOP: Parser = Parser {
        usage: "tool [-h] {sub} ...",
        options: &[
            Opt { names: &["--bootstrap-server", "-b"], kind: Kind::One, help: "" },
            Opt { names: &["--bootstrap-controller"], kind: Kind::One, help: "" },
            Opt { names: &["--many"], kind: Kind::Append, help: "" },
        ],
        commands: &[("sub", &SUB)],
        required: &[&["--bootstrap-server", "--bootstrap-controller"]],
        exclusive: &[],
    };

    fn told(line: &str) -> String {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match TOP.parse(&words) {
            Ok(parsed) => format!("{} {:?}", parsed.command, parsed.values),
            Err(Stop::Help(text)) => text,
            Err(Stop::Wrong { text, .. }) => text,
        }
    }

    #[test]
    fn options_before_and_after_the_subcommand() {
        assert_eq!(told("-b x sub -i 3"), r#"sub [("--bootstrap-server", "x"), ("--id", "3")]"#);
        assert_eq!(told("--many a --many b --bootstrap-s=x sub --id 3 --output json").matches("--many").count(), 2);
    }

    #[test]
    fn errors_are_told_in_the_words_of_argparse4j() {
        assert_eq!(told("-b x"), "too few arguments");
        assert_eq!(told("bogus"), "invalid choice: 'bogus' (choose from 'sub')");
        assert_eq!(told("--bogus"), "unrecognized arguments: '--bogus'");
        assert_eq!(told("-b x sub"), "argument --id/-i is required");
        assert_eq!(told("-b x sub y -i 3"), "unrecognized arguments: 'y -i 3'");
        assert_eq!(told("sub -i 3"), "one of the arguments --bootstrap-server/-b --bootstrap-controller is required");
        assert_eq!(told("-b"), "argument --bootstrap-server/-b: expected one argument");
        assert!(told("sub -h").starts_with("usage: tool sub"));
    }
}
