//! Tests of the pure parts of `kafka-configs`.

use super::changes::pairs;
use super::quotas::double;
use super::scram::{Mechanism, credential};

fn parsed(text: &str) -> Option<Vec<(String, String)>> {
    pairs(text).ok()
}

#[test]
fn brackets_keep_commas_and_equals_signs() {
    let all = parsed("a=1,b=[x,y], c = [iterations=8192,password=s=1] ,d=").unwrap();
    let all: Vec<(&str, &str)> = all.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(all, [("a", "1"), ("b", "x,y"), ("c", "iterations=8192,password=s=1"), ("d", "")]);
    assert_eq!(parsed("a=1,").unwrap().len(), 1);
    assert_eq!(parsed("a"), None);
    assert_eq!(parsed("a=1=2"), None);
}

#[test]
fn doubles_are_those_of_java() {
    let texts = [1024.0, 0.5, 1e7, 12_345_678.9, 0.000_1, 0.0].map(double);
    assert_eq!(texts, ["1024.0", "0.5", "1.0E7", "1.23456789E7", "1.0E-4", "0.0"]);
}

#[test]
fn passwords_are_salted_as_rfc_7677_says() {
    // The example of RFC 7677: user "user", password "pencil".
    let salt = b"\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81";
    let salted = Mechanism::Sha256.salted(b"pencil", salt, 4096);
    assert_eq!(salted[..4], [0xc4, 0xa4, 0x95, 0x10]);
    assert_eq!(Mechanism::Sha512.salted(b"pencil", salt, 4096).len(), 64);
}

#[test]
fn credentials_of_the_command_line() {
    assert_eq!(credential("SCRAM-SHA-256", "password=a,b").unwrap(), (4096, "a,b"));
    assert_eq!(credential("SCRAM-SHA-256", "iterations=-1,password=x").unwrap(), (4096, "x"));
    assert_eq!(credential("SCRAM-SHA-512", "iterations=8192,password=x").unwrap(), (8192, "x"));
    assert!(credential("SCRAM-SHA-512", "iterations=8192").is_err());
}
