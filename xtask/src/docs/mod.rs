//! Documents made from the source. `fix` writes them, `check` says when one is out of date.

mod api_support;

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{repo, shell};

/// One page as it should be.
pub(crate) struct Page {
    /// Below the root of the work tree.
    pub path: &'static str,
    contents: String,
}

pub(crate) fn generated() -> Result<Vec<Page>> {
    Ok(vec![
        Page { path: "docs/API_SUPPORT.md", contents: api_support::render(&repo::root().join(api_support::HANDLERS))? },
        Page { path: "docs/CONFIG.md", contents: barnabas_config::render_markdown() },
    ])
}

/// Writes the pages that are out of date.
pub(crate) fn write() -> Result<()> {
    for page in generated()? {
        if page.is_stale() {
            std::fs::write(page.file(), &page.contents).with_context(|| format!("cannot write {}", page.path))?;
            println!("written: {}", page.path);
        }
    }
    write_metrics()
}

/// The table of metrics is in a crate that takes long to build, so its own test writes the page.
fn write_metrics() -> Result<()> {
    let mut command = repo::cargo();
    command.args(["test", "-q", "-p", "barnabas-broker", "--test", "metrics", "the_page_of_metrics_is_fresh"]);
    shell::quiet(command.env("BARNABAS_WRITE_DOCS", "1")).map(|_| ())
}

impl Page {
    fn file(&self) -> PathBuf {
        repo::root().join(self.path)
    }

    pub(crate) fn is_stale(&self) -> bool {
        std::fs::read_to_string(self.file()).map_or(true, |found| found != self.contents)
    }
}
