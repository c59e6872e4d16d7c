//! What a tool talks to: its standard streams, and how honest its exit code has to be.

use std::io::{self, Read, Write};

/// The surroundings of one call of one tool.
pub struct Context<'a> {
    pub stdin: &'a mut dyn Read,
    pub stdout: &'a mut dyn Write,
    pub stderr: &'a mut dyn Write,
    /// `BARNABAS_STRICT_EXIT=1`: an error that the broker reported makes the exit code 1 even where Kafka's tool exits 0.
    pub strict_exit: bool,
    json: bool,
    reported_errors: usize,
}

impl<'a> Context<'a> {
    pub fn new(
        stdin: &'a mut dyn Read,
        stdout: &'a mut dyn Write,
        stderr: &'a mut dyn Write,
        strict_exit: bool,
    ) -> Self {
        Self { stdin, stdout, stderr, strict_exit, json: false, reported_errors: 0 }
    }

    /// Counts an error that Kafka's tool prints but exits 0 with.
    pub fn note_reported_error(&mut self) {
        self.reported_errors += 1;
    }

    /// `--output json`: what is printed is one document, and exit codes tell the truth. `run_in` calls it.
    pub(crate) fn be_json(&mut self) {
        self.json = true;
        self.be_strict();
    }

    /// Whether one JSON document is wanted.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// From now on errors that the broker reported make the exit code 1.
    pub fn be_strict(&mut self) {
        self.strict_exit = true;
    }

    /// 0 unless an error was reported and the caller wants to know.
    pub(crate) fn exit_code(&self) -> u8 {
        u8::from(self.strict_exit && self.reported_errors > 0)
    }

    /// A line on standard output.
    pub fn out(&mut self, line: impl std::fmt::Display) -> io::Result<()> {
        writeln!(self.stdout, "{line}")
    }

    /// A line on standard error.
    pub fn err(&mut self, line: impl std::fmt::Display) -> io::Result<()> {
        writeln!(self.stderr, "{line}")
    }
}
