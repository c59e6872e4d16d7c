//! The report, for people or as one JSON document.

use clap::ValueEnum;
use serde_json::{Value, json};

use super::checks;
use super::clients::{self, ClientView};
use super::facts::{Facts, Finding, Level};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Text,
    Json,
}

/// One listener and its clients.
struct ListenerReport {
    name: String,
    bound: String,
    advertised: String,
    clients: Vec<ClientView>,
}

pub(super) struct Report {
    listeners: Vec<ListenerReport>,
    findings: Vec<Finding>,
}

impl Report {
    pub(super) fn of(facts: &Facts) -> Self {
        let listeners = facts.listeners.iter().map(|listener| ListenerReport {
            name: listener.name.clone(),
            bound: listener.bound.to_string(),
            advertised: format!("{}:{}", listener.told_host, listener.told_port),
            clients: clients::views(facts, listener),
        });
        Self { listeners: listeners.collect(), findings: checks::findings(facts) }
    }

    /// How many things are wrong.
    pub(super) fn wrong(&self) -> usize {
        let views = self.listeners.iter().flat_map(|listener| &listener.clients).map(|view| view.level);
        views.chain(self.findings.iter().map(|finding| finding.level)).filter(|level| *level == Level::Wrong).count()
    }

    pub(super) fn print(&self, format: OutputFormat) {
        match format {
            OutputFormat::Text => print!("{}", self.text()),
            OutputFormat::Json => println!("{:#}", self.json()),
        }
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        for listener in &self.listeners {
            out.push_str(&format!(
                "Listener {} on {}, advertised as {}\n",
                listener.name, listener.bound, listener.advertised
            ));
            for view in &listener.clients {
                let told = view.told.as_ref().map_or_else(|| "told nothing".to_owned(), |told| format!("told {told}"));
                push(&mut out, view.level, &format!("{}: {told}; {}", view.who, view.what), view.fix.as_deref());
            }
            out.push('\n');
        }
        for finding in &self.findings {
            push(&mut out, finding.level, &format!("{}: {}", finding.about, finding.what), finding.fix.as_deref());
        }
        match self.wrong() {
            0 => out.push_str("\nNothing is wrong.\n"),
            1 => out.push_str("\n1 thing is wrong.\n"),
            count => out.push_str(&format!("\n{count} things are wrong.\n")),
        }
        out
    }

    pub(super) fn json(&self) -> Value {
        let listeners = self.listeners.iter().map(|listener| {
            let clients = listener.clients.iter().map(|view| {
                json!({
                    "client": view.who, "told": view.told, "level": word(view.level).to_lowercase(), "what": view.what, "fix": view.fix,
                })
            });
            json!({
                "name": listener.name,
                "bound": listener.bound,
                "advertised": listener.advertised,
                "clients": clients.collect::<Vec<_>>(),
            })
        });
        let findings = self.findings.iter().map(|finding| {
            json!({
                "about": finding.about, "level": word(finding.level).to_lowercase(), "what": finding.what, "fix": finding.fix,
            })
        });
        json!({
            "listeners": listeners.collect::<Vec<_>>(),
            "findings": findings.collect::<Vec<_>>(),
            "wrong": self.wrong(),
        })
    }
}

fn push(out: &mut String, level: Level, text: &str, fix: Option<&str>) {
    out.push_str(&format!("  {:<5} {text}\n", word(level)));
    if let Some(fix) = fix {
        out.push_str(&format!("        fix: {fix}\n"));
    }
}

const fn word(level: Level) -> &'static str {
    match level {
        Level::Good => "ok",
        Level::Note => "note",
        Level::Wrong => "WRONG",
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
