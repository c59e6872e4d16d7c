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
        let requirements = scripts().join("requirements.txt");
        workspace::once(&venv.join(".complete"), std::slice::from_ref(&requirements), || {
            workspace::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            workspace::run(Command::new(&executable).args(["-m", "pip", "install", "-q", "-r"]).arg(&requirements))
        })?;
        Ok(Self { executable })
    }

    /// Starts a script of `clients/`.
    pub(crate) fn start(&self, script: &str, arguments: &[String]) -> Result<Script> {
        Script::start(Command::new(&self.executable).arg(scripts().join(script)).args(arguments))
    }
}

/// Where the scripts are.
pub(crate) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// A running script.
pub(crate) struct Script {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Script {
    /// Starts a program that talks like those of `clients/`.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let input = child.stdin.take().context("no standard input")?;
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Self { child, input, output })
    }

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
