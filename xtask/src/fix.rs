//! `cargo xtask fix`: everything that a program can put right by itself.

use anyhow::Result;

use crate::{docs, repo, shell};

pub(crate) fn run(clippy: bool) -> Result<()> {
    if clippy {
        let arguments = ["clippy", "--fix", "--allow-dirty", "--allow-staged", "--workspace", "--all-targets"];
        shell::shown(repo::cargo().args(arguments))?;
    }
    shell::shown(repo::cargo().args(["fmt", "--all"]))?;
    docs::write()
}
