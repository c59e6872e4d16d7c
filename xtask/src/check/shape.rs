//! The shape of the source: every file opens with what lives in it, files stay readable, every crate explains itself.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::repo;

const LINES_AT_MOST: usize = 1000;
const SOURCE_FOLDERS: &[&str] = &["crates", "xtask", "benches", "fuzz"];
const LEFT_OUT: &[&str] = &["target", "node_modules", "corpus"];

pub(super) fn check() -> Result<()> {
    let root = repo::root();
    let mut wrong = Vec::new();
    for folder in SOURCE_FOLDERS {
        visit(&root.join(folder), &mut |path| look_at(path, &mut wrong))?;
    }
    if wrong.is_empty() { Ok(()) } else { bail!("\n  {}", wrong.join("\n  ")) }
}

fn visit(dir: &Path, look: &mut impl FnMut(&Path) -> Result<()>) -> Result<()> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !LEFT_OUT.contains(&name.as_str()) {
            visit(&path, look)?;
        } else if path.is_file() {
            look(&path)?;
        }
    }
    Ok(())
}

fn look_at(path: &Path, wrong: &mut Vec<String>) -> Result<()> {
    if path.file_name().is_some_and(|name| name == "Cargo.toml") && !path.with_file_name("README.md").exists() {
        wrong.push(format!("{} has no README.md beside it", path.display()));
    }
    if path.extension().is_some_and(|extension| extension == "rs") {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        wrong.extend(faults(&text).map(|fault| format!("{} {fault}", path.display())));
    }
    Ok(())
}

fn faults(source: &str) -> impl Iterator<Item = &'static str> {
    let head = (!source.starts_with("//!")).then_some("does not open with a `//!` line that says what lives there");
    let long = (source.lines().count() > LINES_AT_MOST).then_some("has more than 1000 lines");
    head.into_iter().chain(long)
}

#[cfg(test)]
mod tests {
    use super::faults;

    #[test]
    fn a_head_comment_is_demanded() {
        assert_eq!(0, faults("//! Here.\n").count());
        assert_eq!(1, faults("use x;\n").count());
    }

    #[test]
    fn long_files_are_refused() {
        assert_eq!(1, faults(&format!("//! Here.\n{}", "\n".repeat(1000))).count());
    }
}
