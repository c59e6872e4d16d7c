//! What the container looks like: mounts, mounted files, files with secrets, results of commands. Reads and runs; decides
//! nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use barnabas_config::{ContainerFacts, FolderFact, choose_data_folder, commands_wanted, files_wanted};

/// Where Bitnami's image looks for a file that speaks alone.
const ALONE: [&str; 2] = ["/bitnami/kafka/config/server.properties", "/opt/bitnami/kafka/config/server.properties"];
/// Where Apache's image looks for a file that the environment goes on top of.
const SHARED: &str = "/mnt/shared/config/server.properties";
/// The image brings one; a mounted one is the base, as in wurstmeister's image.
const PACKAGED: &str = "/opt/kafka/config/server.properties";

pub(super) fn gather(env: &[(String, String)], file: Option<&Path>) -> Result<ContainerFacts, String> {
    let mounts = Mounts::read();
    let alone = ALONE.iter().map(Path::new).find(|path| path.exists()).map(read).transpose()?;
    let packaged = Some(Path::new(PACKAGED)).filter(|path| mounts.has(path));
    let candidates = [Some(Path::new(SHARED)), packaged, file];
    let base =
        candidates.into_iter().flatten().filter(|path| path.exists()).map(read).collect::<Result<Vec<_>, _>>()?;
    let data_folder = choose_data_folder(|mount, data| FolderFact {
        mounted: mounts.has(mount),
        holds_data: data.join("meta.properties").exists(),
    });
    let secret = |path: PathBuf| {
        let contents = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        (path, contents)
    };
    Ok(ContainerFacts {
        hostname: hostname(),
        data_folder: Some(data_folder),
        base,
        alone,
        files: files_wanted(env).into_iter().map(secret).collect(),
        commands: commands_wanted(env)
            .into_iter()
            .map(|(name, text)| {
                let output = output_of(&text);
                (name, output)
            })
            .collect::<BTreeMap<_, _>>(),
    })
}

fn read(path: &Path) -> Result<(PathBuf, String), String> {
    let contents = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read the settings {}: {error}; let this user read it", path.display()))?;
    Ok((path.to_owned(), contents))
}

fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".to_owned() } else { name.trim().to_owned() }
}

fn output_of(command: &str) -> Result<String, String> {
    let mut shell = Command::new("bash");
    let output = shell.args(["-c", command]).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cannot run bash: {error}"))?;
    if !output.status.success() {
        return Err(output.status.to_string());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Mount points of this process, and what is mounted there.
pub(super) struct Mounts(BTreeMap<PathBuf, String>);

impl Mounts {
    /// Nothing, where `/proc` does not tell.
    pub(super) fn read() -> Self {
        Self::parse(&std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    /// Lines of proc_pid_mountinfo(5): the fourth word is the source in its file system, the fifth the mount point.
    fn parse(text: &str) -> Self {
        let mount = |line: &str| {
            let mut words = line.split(' ').skip(3);
            let (source, point) = (words.next()?, words.next()?);
            Some((PathBuf::from(unescape(point)), unescape(source)))
        };
        Self(text.lines().filter_map(mount).collect())
    }

    pub(super) fn has(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    /// What is mounted at the path or above it; `None` if it is the container's own file system.
    pub(super) fn source_of(&self, path: &Path) -> Option<(&Path, &str)> {
        let above = path.ancestors().filter(|path| *path != Path::new("/"));
        above.into_iter().find_map(|path| self.0.get_key_value(path)).map(|(point, source)| (&**point, source.as_str()))
    }
}

fn unescape(word: &str) -> String {
    word.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_found_with_their_sources() {
        let text = "\
            812 640 0:52 / / rw,relatime master:1 - overlay overlay rw\n\
            813 812 8:1 /home/me/my\\040data /var/lib/kafka/data rw - ext4 /dev/sda1 rw\n";
        let mounts = Mounts::parse(text);
        assert!(mounts.has(Path::new("/var/lib/kafka/data")) && !mounts.has(Path::new("/var/lib/kafka")));
        let found = mounts.source_of(Path::new("/var/lib/kafka/data/sub")).unwrap();
        assert_eq!(found, (Path::new("/var/lib/kafka/data"), "/home/me/my data"));
        assert!(mounts.source_of(Path::new("/tmp")).is_none());
    }
}
