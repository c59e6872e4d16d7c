//! Tests of the pure parts of `kafka-storage`.

use super::*;
use crate::run_in;

/// Exit code, standard output, standard error.
fn call(line: &str) -> (u8, String, String) {
    let (mut stdin, mut stdout, mut stderr) = (std::io::empty(), Vec::new(), Vec::new());
    let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let code = run_in(&TOOL, &arguments, &mut Context::new(&mut stdin, &mut stdout, &mut stderr, false));
    (code, String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn formatting_claims_the_folders_once() {
    let folder = tempfile::tempdir().unwrap();
    let (config, data) = (folder.path().join("s.properties"), folder.path().join("data"));
    std::fs::write(&config, format!("node.id=5\nlog.dirs={}\n", data.display())).unwrap();
    let line = format!("format -t some-cluster -c {}", config.display());
    let (code, told, _) = call(&format!("info -c {}", config.display()));
    assert!(code == 1 && told.contains("does not exist"), "{told}");
    let (code, told, _) = call(&line);
    assert_eq!(code, 0);
    assert!(
        told.ends_with(&format!("Formatting metadata directory {} with metadata.version 4.3-IV0.\n", data.display()))
    );
    let (code, _, told) = call(&line);
    assert!(code == 1 && told.contains("is already formatted. Use --ignore-formatted"), "{told}");
    assert_eq!(call(&format!("{line} -g")).1, "All of the log directories are already formatted.\n");
    let (code, _, told) = call(&format!("format -g -t other -c {}", config.display()));
    assert!(code == 1 && told.contains("Expected other, but read some-cluster"), "{told}");
    let (code, told, _) = call(&format!("info -c {}", config.display()));
    assert!(code == 0 && told.contains("{cluster.id=some-cluster, directory.id="), "{told}");
    assert!(told.contains("node.id=5, version=1}"), "{told}");
}

#[test]
fn ids_are_22_characters() {
    assert_eq!(call("random-uuid").1.trim_end().len(), 22);
}
