//! Turns the wire schemas in `schema/` into Rust structs with guarded decoding. The grammar is in
//! `schema.rs`, the Rust that comes out in `render.rs`.

mod render;
mod schema;

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=schema");
    println!("cargo::rerun-if-changed=build");
    let mut paths: Vec<_> =
        fs::read_dir("schema").expect("the schema folder").map(|entry| entry.expect("a schema file").path()).collect();
    paths.sort();
    let mut code = String::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "schema")) {
        let text = fs::read_to_string(path).expect("a readable schema");
        for message in schema::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
            render::message(&mut code, &message);
        }
    }
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("messages.rs"), code).expect("OUT_DIR is writable");
}
