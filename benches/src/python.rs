//! The scripts in `clients/`, run by a Python of their own with librdkafka in it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::workspace;

/// A Python with what `clients/requirements.txt` names.
pub(crate) struct Python {
    executable: PathBuf,
}

impl Python {
    /// Installed on first use.
    pub(crate) fn new() -> Result<Self> {
        let venv = workspace::scratch()?.join("venv");
        let executable = venv.join("bin/python");
        let complete = venv.join(".complete");
        if !complete.exists() {
            workspace::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            let requirements = scripts().join("requirements.txt");
            workspace::run(Command::new(&executable).args(["-m", "pip", "install", "-q", "-r"]).arg(requirements))?;
            std::fs::File::create(complete)?;
        }
        Ok(Self { executable })
    }

    /// Starts a script of `clients/`.
    pub(crate) fn start(&self, script: &str, arguments: &[String]) -> Result<Script> {
        let mut command = Command::new(&self.executable);
        command.arg(scripts().join(script)).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {script}"))?;
        let input = child.stdin.take().context("no standard input")?;
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Script { child, input, output })
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// A running script.
pub(crate) struct Script {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Script {
    /// Waits for the line "ready".
    pub(crate) fn wait_until_ready(&mut self) -> Result<()> {
        match self.line()?.as_str() {
            "ready" => Ok(()),
            other => bail!("the client said '{other}' instead of 'ready'"),
        }
    }

    pub(crate) fn go(&mut self) -> Result<()> {
        self.input.write_all(b"go\n").context("the client is gone")
    }

    /// A number in the result that the script prints.
    pub(crate) fn result(&mut self) -> Result<Value> {
        let line = self.line()?;
        serde_json::from_str(&line).with_context(|| format!("the client said '{line}'"))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // A script that gave its result ends by itself; one that did not is of no more use.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
