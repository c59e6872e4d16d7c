//! Data folders that this broker must not or cannot use: exit code 1, one line that says what to do, and whoever
//! owns the folder unharmed.

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

mod common;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use common::{DataDir, Launch, Refusal, records};

const OTHER_CLUSTER: &str = "5L6g3nShT-eMCtK--X86sw";

fn assert_says(refusal: &Refusal, parts: &[&str]) {
    assert_eq!(refusal.code, Some(1), "{refusal:?}");
    assert_eq!(refusal.stdout, "");
    let line = refusal.only_line();
    assert!(parts.iter().all(|part| line.contains(part)), "{parts:?} are not all in: {line}");
    assert!(refusal.after < Duration::from_secs(5), "{:?}", refusal.after);
}

/// Names, sizes and contents of everything in a folder.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_folder_in_use_is_refused_and_its_owner_unharmed() {
    let data = DataDir::new();
    let owner = Launch::on(&data).start();
    let mut client = owner.connect();
    client.create_topic("t", 1, &[]);
    assert_eq!(client.produce("t", 0, &records::batch(&["v"])).error_code, 0);
    let before = contents(&data.path());
    for _ in 0..2 {
        let refusal = Launch::on(&data).refuse();
        assert_says(&refusal, &[data.path().to_str().unwrap(), "in use", "log.dirs"]);
    }
    assert_eq!(contents(&data.path()), before);
    assert_eq!(client.produce("t", 0, &records::batch(&["v"])).base_offset, 1);
    owner.assert_unharmed();
    owner.kill();
    // The lock goes with its owner, however that ended.
    assert_eq!(Launch::on(&data).start().connect().fetch("t", 0, 0).high_watermark, 2);
}

#[test]
fn one_of_several_folders_in_use_is_refused_too() {
    let (mine, other) = (DataDir::new(), DataDir::new());
    let _owner = Launch::on(&other).start();
    let both = format!("{},{}", mine.path().display(), other.path().display());
    let refusal = Launch::on(&mine).set("log.dirs", &both).refuse();
    assert_says(&refusal, &[other.path().to_str().unwrap(), "in use"]);
    assert!(!mine.path().join("meta.properties").exists(), "nothing is written before every lock is held");
}

#[test]
fn another_cluster_s_folder_is_refused_with_both_ways_out() {
    let data = DataDir::new();
    let server = Launch::on(&data).start();
    let cluster_id = server.ready["cluster_id"].as_str().unwrap().to_owned();
    server.stop();
    let before = contents(&data.path());
    let refusal = Launch::on(&data).env("CLUSTER_ID", OTHER_CLUSTER).refuse();
    let path = data.path().display().to_string();
    let keep = format!("set CLUSTER_ID={cluster_id}");
    assert_says(&refusal, &[&path, OTHER_CLUSTER, &keep, &format!("move {path} away")]);
    assert_eq!(contents(&data.path()), before);
    Launch::on(&data).env("CLUSTER_ID", &cluster_id).start();
}

#[test]
fn another_node_s_folder_is_refused_with_both_ways_out() {
    let data = DataDir::new();
    Launch::on(&data).set("node.id", "4").start().stop();
    let before = contents(&data.path());
    let refusal = Launch::on(&data).set("node.id", "5").refuse();
    let path = data.path().display().to_string();
    assert_says(&refusal, &[&path, "node 4", "node 5", "node.id=4", &format!("mv {path} {path}.old")]);
    assert_eq!(contents(&data.path()), before);
    Launch::on(&data).set("node.id", "4").start();
}

#[test]
fn a_damaged_identity_is_refused() {
    let data = DataDir::new();
    Launch::on(&data).start().stop();
    let meta = data.path().join("meta.properties");
    let good = fs::read_to_string(&meta).unwrap();
    for bad in [
        "",
        "version=1\n",
        "\0\0\0\0",
        &good.replace("node.id=1", "node.id=x"),
        &good.replace("version=1", "version=9"),
    ] {
        fs::write(&meta, bad).unwrap();
        assert_says(&Launch::on(&data).refuse(), &["meta.properties"]);
        assert_eq!(fs::read_to_string(&meta).unwrap(), bad);
    }
    fs::remove_file(&meta).unwrap();
    assert_says(&Launch::on(&data).refuse(), &["meta.properties", data.path().to_str().unwrap()]);
    fs::write(&meta, good).unwrap();
    Launch::on(&data).start();
}

#[test]
fn a_folder_that_cannot_be_made_or_written_is_refused() {
    let data = DataDir::new();
    let file = data.beside("a-file");
    fs::write(&file, "").unwrap();
    for bad in [file.join("data"), file.clone(), "/proc/barnabas-data".into(), "/sys/barnabas/data".into()] {
        let refusal = Launch::on(&data).set("log.dirs", bad.to_str().unwrap()).refuse();
        assert_says(&refusal, &[bad.to_str().unwrap(), "log.dirs"]);
    }
}

#[test]
fn a_kafka_folder_is_refused_untouched() {
    let data = DataDir::new();
    let metadata = data.path().join("__cluster_metadata-0");
    fs::create_dir_all(&metadata).unwrap();
    fs::write(metadata.join("00000000000000000000.log"), "x").unwrap();
    fs::write(metadata.join("quorum-state"), "{}").unwrap();
    let meta = format!("version=1\ncluster.id={OTHER_CLUSTER}\nnode.id=1\ndirectory.id=HkR9zxMATduxRy4iuiwnng\n");
    fs::write(data.path().join("meta.properties"), meta).unwrap();
    assert_says(&Launch::on(&data).refuse(), &["Kafka", data.path().to_str().unwrap()]);
    assert_eq!(fs::read(metadata.join("00000000000000000000.log")).unwrap(), b"x");
}

#[test]
fn a_port_in_use_is_refused_with_its_address() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refusal = Launch::new().set("listeners", &format!("PLAINTEXT://{address}")).refuse();
    assert_says(&refusal, &[&address, "listeners"]);
    let refusal = Launch::new().set("barnabas.http.listener", &address).refuse();
    assert_says(&refusal, &[&address, "barnabas.http.listener"]);
}

#[test]
fn a_folder_that_is_removed_under_a_running_broker_ends_it_and_is_not_made_again() {
    let data = DataDir::new();
    let server = Launch::on(&data).start();
    let mut client = server.connect();
    client.create_topic("t", 1, &[]);
    assert_eq!(client.produce("t", 0, &records::batch(&["v"])).error_code, 0);
    // What is written meanwhile may be in the way once.
    while data.path().exists() {
        let _ = fs::remove_dir_all(data.path());
    }
    server.wait_for_log(&["the log dir", "it is gone", "the broker ends", "mount its volume"]);
    assert_eq!(server.log_lines(&["other log dirs are served"]), [""; 0]);
    assert_eq!(server.log_lines(&["until the disk takes writes again"]), [""; 0]);
    assert_eq!(server.wait().code(), Some(1));
    assert!(!data.path().exists());
}

#[test]
fn a_log_dir_that_is_out_of_use_is_told_of_when_the_broker_is_ready() {
    let (mine, other) = (DataDir::new(), DataDir::new());
    let both = format!("{},{}", mine.path().display(), other.path().display());
    let launch = Launch::on(&mine).set("log.dirs", &both).set("metadata.log.dir", mine.path().to_str().unwrap());
    launch.start().stop();
    fs::write(other.path().join("meta.properties"), "version=9\n").unwrap();
    let server = launch.start();
    let told = &server.ready["data"];
    assert!(told[0]["free_bytes"].is_u64() && told[0]["out_of_use"].is_null(), "{told}");
    assert!(told[1]["free_bytes"].is_null() && told[1]["out_of_use"].is_string(), "{told}");
    let warnings = server.ready["warnings"].to_string();
    assert!(warnings.contains(other.path().to_str().unwrap()) && warnings.contains("out of use"), "{warnings}");
}

#[test]
fn a_signal_that_comes_twice_at_once_is_one() {
    use rustix::process::Signal;

    let data = DataDir::new();
    let server = Launch::on(&data).start();
    let mut client = server.connect();
    client.create_topic("t", 40, &[]);
    server.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(1));
    server.signal(Signal::TERM);
    server.signal(Signal::INT);
    assert!(server.wait().success());
    assert!(data.path().join(".kafka_cleanshutdown").exists());
}
