//! Tests of the pure parts of `kafka-dump-log`.

use barnabas_protocol::records::{BatchBuilder, Compression, TimestampType};

use super::segment::decode;
use super::*;
use crate::run_in;

/// Exit code, standard output, standard error.
fn call(arguments: &[&str]) -> (u8, String, String) {
    let (mut stdin, mut stdout, mut stderr) = (std::io::empty(), Vec::new(), Vec::new());
    let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
    let code = run_in(&TOOL, &arguments, &mut Context::new(&mut stdin, &mut stdout, &mut stderr, false));
    (code, String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn batches_records_and_a_torn_tail() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("00000000000000000000.log");
    let mut builder = BatchBuilder::new(Compression::Gzip, TimestampType::CreateTime);
    builder.add(1000, Some(b"k"), Some(b"v"), &[]);
    builder.add(1001, None, Some(b"w"), &[]);
    let mut bytes = builder.build(0, 3).unwrap().to_vec();
    bytes.extend([0; 5]);
    std::fs::write(&file, &bytes).unwrap();
    let (code, told, _) = call(&["--files", file.to_str().unwrap(), "--print-data-log"]);
    assert_eq!(code, 0, "{told}");
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[2].starts_with("baseOffset: 0 lastOffset: 1 count: 2 baseSequence: -1 lastSequence: -1"), "{told}");
    assert!(lines[2].contains("compresscodec: gzip") && lines[2].ends_with("isvalid: true"), "{told}");
    assert_eq!(
        lines[3],
        "| offset: 0 CreateTime: 1000 keySize: 1 valueSize: 1 sequence: -1 headerKeys: [] key: k payload: v"
    );
    assert_eq!(lines[5], "Found 5 invalid bytes at the end of 00000000000000000000.log");
}

#[test]
fn damaged_files_end_in_words() {
    let folder = tempfile::tempdir().unwrap();
    for ending in ["log", "index", "timeindex", "snapshot", "txnindex"] {
        let file = folder.path().join(format!("00000000000000000000.{ending}"));
        std::fs::write(&file, [0xff; 200]).unwrap();
        let (code, told, errors) = call(&["--files", file.to_str().unwrap(), "--print-data-log"]);
        assert!(code <= 1 && told.starts_with("Dumping"), "{ending}: {told}{errors}");
    }
    assert_eq!(call(&["--files", "/no/such/00000000000000000000.log"]).0, 1);
}

#[test]
fn decoders_by_their_class() {
    assert_eq!(decode(b"abc", None).unwrap(), "abc");
    assert_eq!(decode(&7i64.to_be_bytes(), Some("org.apache.kafka.tools.api.LongDecoder")).unwrap(), "7");
    assert!(decode(b"abc", Some("LongDecoder")).is_err() && decode(b"", Some("com.example.Own")).is_err());
}
