//! The figures that are kept: per compiler and target, since both decide about instructions.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::workspace;

/// Counts differ by less than that from run to run: small fetches by up to 2.5 %, others by less than 1 %.
pub(super) const MARGIN_PERCENT: f64 = 3.0;
/// Against the figures of another compiler or target.
const WIDE_MARGIN_PERCENT: f64 = 10.0;

/// Which compiler made the executable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Toolchain {
    pub release: String,
    pub host: String,
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rustc {} {}", self.release, self.host)
    }
}

impl Toolchain {
    pub(super) fn present() -> Result<Self> {
        let output = Command::new("rustc").arg("-vV").current_dir(workspace::root()).output();
        let text = String::from_utf8(output.context("cannot run rustc")?.stdout)?;
        Self::from_verbose_version(&text).context("unknown output of rustc -vV")
    }

    fn from_verbose_version(text: &str) -> Option<Self> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        Some(Self { release: field("release:")?.to_owned(), host: field("host:")?.to_owned() })
    }

    /// The inverse of its text.
    fn parse(text: &str) -> Option<Self> {
        let (release, host) = text.strip_prefix("rustc ")?.split_once(' ')?;
        Some(Self { release: release.to_owned(), host: host.to_owned() })
    }

    /// How far another one is: first the target, then the version.
    fn distance(&self, other: &Self) -> (bool, u64) {
        (self.host != other.host, number(&self.release).abs_diff(number(&other.release)))
    }
}

/// 1.95.0 as 1_095_000.
fn number(release: &str) -> u64 {
    let parts = release.split(['.', '-']).take(3).map(|part| part.parse::<u64>().unwrap_or(0));
    parts.fold(0, |number, part| number * 1000 + part)
}

/// Instructions per request by name.
type Counts = BTreeMap<String, f64>;

#[derive(Debug, Default)]
pub(super) struct Figures(BTreeMap<Toolchain, Counts>);

impl Figures {
    /// No file is no figures.
    pub(super) fn read(path: &Path) -> Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).with_context(|| format!("{} is damaged", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let mut figures = Self::default();
        let all: Map<String, Value> = serde_json::from_str(text)?;
        for (toolchain, counts) in all {
            let counts = counts.as_object().context("not an object")?;
            let count = |(name, count): (&String, &Value)| Some((name.clone(), count.as_f64()?));
            let counts = counts.iter().map(count).collect::<Option<Counts>>().context("not a number")?;
            figures.0.insert(Toolchain::parse(&toolchain).context("not a compiler")?, counts);
        }
        Ok(figures)
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        std::fs::write(path, self.text()?).with_context(|| format!("cannot write {}", path.display()))
    }

    fn text(&self) -> Result<String> {
        let mut all = Map::new();
        for (of, counts) in &self.0 {
            let counts = counts.iter().map(|(name, count)| (name.clone(), Value::from(*count as u64)));
            all.insert(of.to_string(), Value::Object(counts.collect()));
        }
        Ok(serde_json::to_string_pretty(&all)? + "\n")
    }

    pub(super) fn set(&mut self, of: &Toolchain, counted: &[(&'static str, f64)]) {
        let counts = counted.iter().map(|(name, count)| ((*name).to_owned(), count.round())).collect();
        self.0.insert(of.clone(), counts);
    }

    pub(super) fn nearest(&self, to: &Toolchain) -> Option<Kept<'_>> {
        let (of, counts) = self.0.iter().min_by_key(|(of, _)| of.distance(to))?;
        Some(Kept { of, counts, is_exact: of == to })
    }
}

/// What to compare with.
pub(super) struct Kept<'a> {
    pub of: &'a Toolchain,
    counts: &'a Counts,
    pub is_exact: bool,
}

/// How a count compares with the kept one, in percent of that.
#[derive(Debug, PartialEq)]
pub(super) enum Judgement {
    Same { percent: f64 },
    Better { percent: f64 },
    Worse { percent: f64 },
    Unknown,
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same { percent } | Self::Better { percent } => write!(f, "{percent:+.1} %"),
            Self::Worse { percent } => write!(f, "{percent:+.1} % TOO MANY"),
            Self::Unknown => write!(f, "NO FIGURE IS KEPT"),
        }
    }
}

impl Kept<'_> {
    pub(super) fn margin_percent(&self) -> f64 {
        if self.is_exact { MARGIN_PERCENT } else { WIDE_MARGIN_PERCENT }
    }

    pub(super) fn judge(&self, name: &str, count: f64) -> Judgement {
        let Some(kept) = self.counts.get(name).filter(|kept| **kept > 0.0) else { return Judgement::Unknown };
        let percent = (count / kept - 1.0) * 100.0;
        if percent > self.margin_percent() {
            Judgement::Worse { percent }
        } else if percent < -self.margin_percent() {
            Judgement::Better { percent }
        } else {
            Judgement::Same { percent }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Figures, Toolchain};

    fn toolchain(release: &str, host: &str) -> Toolchain {
        Toolchain { release: release.into(), host: host.into() }
    }

    #[test]
    fn the_file_gives_back_what_was_set() {
        let mut figures = Figures::default();
        figures.set(&toolchain("1.95.0", "gnu"), &[("produce", 1234.4), ("fetch", 99.0)]);
        let text = figures.text().unwrap();
        assert!(text.contains("\"rustc 1.95.0 gnu\"") && text.contains("\"produce\": 1234"), "{text}");
        let read = Figures::parse(&text).unwrap();
        assert_eq!(read.0, figures.0);
        assert!(Figures::parse("{\"rustc 1.95.0 gnu\": 1}").is_err());
    }

    #[test]
    fn the_same_target_is_nearer_than_the_same_version() {
        let mut figures = Figures::default();
        for (release, host) in [("1.90.0", "gnu"), ("1.95.0", "gnu"), ("1.96.0", "musl")] {
            figures.set(&toolchain(release, host), &[]);
        }
        let nearest = |release, host| figures.nearest(&toolchain(release, host)).unwrap().of.clone();
        assert_eq!(nearest("1.96.0", "gnu"), toolchain("1.95.0", "gnu"));
        assert_eq!(nearest("1.89.0-nightly", "gnu"), toolchain("1.90.0", "gnu"));
        assert_eq!(nearest("1.90.0", "musl"), toolchain("1.96.0", "musl"));
        assert!(figures.nearest(&toolchain("1.90.0", "gnu")).unwrap().is_exact);
    }

    #[test]
    fn the_compiler_says_what_it_is() {
        let text = "rustc 1.95.0 (abc 2026-01-01)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n";
        assert_eq!(Toolchain::from_verbose_version(text), Some(toolchain("1.95.0", "x86_64-unknown-linux-gnu")));
    }
}
