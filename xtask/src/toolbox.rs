//! The tools that suites need: each is looked for, and a missing one is an error that says what to install.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Fails unless `program` is on the path.
pub(crate) fn need(program: &str, how_to_install: &str) -> Result<()> {
    if on_path(program) { Ok(()) } else { bail!("{program} is missing; {how_to_install}") }
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// A Python with the packages of the requirements files, in a folder of its own. Returns its interpreter.
pub(crate) fn python(venv: &Path, requirements: &[PathBuf]) -> Result<PathBuf> {
    need("python3", "install Python 3.10 or newer (Debian: apt-get install python3 python3-venv)")?;
    let interpreter = venv.join("bin/python");
    let wanted = requirements.iter().map(read).collect::<Result<String>>()?;
    let stamp = venv.join("requirements.installed");
    if interpreter.exists() && std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(interpreter);
    }
    shell::quiet(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv))
        .context("cannot make a virtual environment (Debian: apt-get install python3-venv)")?;
    let mut install = Command::new(&interpreter);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    for file in requirements {
        install.arg("--requirement").arg(file);
    }
    shell::quiet(&mut install)?;
    std::fs::write(stamp, wanted)?;
    Ok(interpreter)
}

/// `npm install`, unless the same package.json was installed before.
pub(crate) fn npm(dir: &Path) -> Result<()> {
    need("node", "install Node.js 20 or newer")?;
    need("npm", "install npm (it comes with Node.js; Debian: apt-get install npm)")?;
    let wanted = read(dir.join("package.json"))?;
    let stamp = dir.join("node_modules/.installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    shell::quiet(Command::new("npm").args(["install", "--no-audit", "--no-fund"]).current_dir(dir))?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}

/// Compiles a Maven project and collects its dependencies in target/dependency.
pub(crate) fn maven(dir: &Path) -> Result<()> {
    need("java", "install a JDK, 17 or newer (Debian: apt-get install openjdk-17-jdk-headless)")?;
    need("mvn", "install Maven (Debian: apt-get install maven)")?;
    shell::quiet(Command::new("mvn").args(["-q", "-B", "package", "dependency:copy-dependencies"]).current_dir(dir))?;
    Ok(())
}

pub(crate) fn go(dir: &Path) -> Result<()> {
    need("go", "install Go 1.26 or newer")?;
    shell::quiet(Command::new("go").arg("build").current_dir(dir))?;
    Ok(())
}

/// kcat is a Debian package; as root it is installed here.
pub(crate) fn kcat() -> Result<()> {
    if on_path("kcat") {
        return Ok(());
    }
    if !(rustix::process::geteuid().is_root() && on_path("apt-get")) {
        bail!("kcat is missing; install it (Debian: apt-get install kcat)");
    }
    shell::quiet(Command::new("apt-get").args(["update", "-qq"]))?;
    shell::quiet(Command::new("apt-get").args(["install", "-y", "-qq", "kcat"]))?;
    need("kcat", "apt-get did not bring it")
}

fn read(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
