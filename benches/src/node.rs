//! KafkaJS, installed beside what else is downloaded.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::python::{Script, scripts};
use crate::workspace;

/// Node.js with what `clients/kafkajs/package.json` names.
pub(crate) struct Node {
    modules: PathBuf,
}

impl Node {
    /// Installed on first use.
    pub(crate) fn new() -> Result<Self> {
        let home = workspace::scratch()?.join("node");
        let package = folder().join("package.json");
        workspace::once(&home.join(".complete"), std::slice::from_ref(&package), || {
            std::fs::create_dir_all(&home)?;
            std::fs::copy(&package, home.join("package.json"))?;
            workspace::run(Command::new("npm").args(["install", "--no-audit", "--no-fund"]).current_dir(&home))
        })?;
        Ok(Self { modules: home.join("node_modules") })
    }

    /// Starts a script of `clients/kafkajs/`.
    pub(crate) fn start(&self, script: &str, arguments: &[String]) -> Result<Script> {
        let mut command = Command::new("node");
        command.arg(folder().join(script)).args(arguments).env("NODE_PATH", &self.modules);
        command.env("KAFKAJS_NO_PARTITIONER_WARNING", "1");
        Script::start(&mut command)
    }
}

fn folder() -> PathBuf {
    scripts().join(Path::new("kafkajs"))
}
