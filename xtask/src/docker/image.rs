//! `cargo xtask docker-image`: a static binary, the base image if there is none, the context by docker/stage.sh, docker build.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{repo, shell, toolbox};

/// The image that tests and examples use.
pub(crate) const IMAGE: &str = "barnabas:dev";
/// What it is made on.
pub(super) const BASE: &str = "barnabas-base:dev";
const TRIPLE: &str = "x86_64-unknown-linux-musl";
/// What Docker calls the architecture of it.
const ARCHITECTURE: &str = "amd64";
const LIMIT_MIB: u64 = 25;

pub(crate) struct Options {
    /// Quick to build, slow to run, and larger.
    pub debug: bool,
    /// A static binary that is there already.
    pub binary: Option<PathBuf>,
    pub tag: String,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    toolbox::need("docker", "install a Docker engine (Debian: apt-get install docker.io)")?;
    let binary = match &options.binary {
        Some(path) => std::path::absolute(path)?,
        None => build(options.debug)?,
    };
    let stripped = strip(&binary)?;
    ensure_base()?;
    let context = repo::target().join("docker-context");
    let stage = repo::root().join("docker/stage.sh");
    shell::quiet(Command::new(stage).arg(&stripped).arg(&context).arg(ARCHITECTURE))?;
    let mut build = Command::new("docker");
    build.args(["build", "--quiet", "--build-arg", &format!("BASE={BASE}")]);
    build.args(["--build-arg", &format!("TARGETARCH={ARCHITECTURE}"), "--tag", &options.tag]).arg(&context);
    shell::quiet(&mut build)?;
    report(options)
}

fn build(debug: bool) -> Result<PathBuf> {
    toolbox::need("musl-gcc", "install musl's C compiler (Debian: apt-get install musl-tools)")?;
    let mut command = repo::cargo();
    command.args(["build", "--package", "barnabas-server", "--target", TRIPLE]);
    if !debug {
        command.arg("--release");
    }
    shell::shown(&mut command)
        .with_context(|| format!("cannot build for {TRIPLE}; is it there? rustup target add {TRIPLE}"))?;
    let profile = if debug { "debug" } else { "release" };
    Ok(repo::target().join(TRIPLE).join(profile).join("barnabas"))
}

/// The image needs no symbols; the binary with them stays where cargo put it.
fn strip(binary: &std::path::Path) -> Result<PathBuf> {
    toolbox::need("strip", "install binutils (Debian: apt-get install binutils)")?;
    let stripped = repo::target().join("barnabas-stripped");
    shell::quiet(Command::new("strip").arg("-o").arg(&stripped).arg(binary))?;
    Ok(stripped)
}

fn ensure_base() -> Result<()> {
    if shell::quiet(Command::new("docker").args(["image", "inspect", "--format", "{{.Id}}", BASE])).is_ok() {
        return Ok(());
    }
    shell::shown(Command::new(repo::root().join("docker/base.sh")).arg(BASE))
}

fn report(options: &Options) -> Result<()> {
    let size = shell::quiet(Command::new("docker").args(["image", "inspect", "--format", "{{.Size}}", &options.tag]))?;
    let bytes: u64 = size.trim().parse().with_context(|| format!("docker says the size is {size:?}"))?;
    println!("{}: {:.1} MiB", options.tag, bytes as f64 / f64::from(1 << 20));
    if bytes > LIMIT_MIB << 20 && !options.debug && options.binary.is_none() {
        bail!("the image is larger than {LIMIT_MIB} MiB");
    }
    Ok(())
}
