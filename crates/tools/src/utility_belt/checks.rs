//! Commands that look at this machine only: paths, the environment, listener texts.

use std::env;

use rustix::fs::{Access, access};

use super::Trouble;
use super::words::Words;

/// Whether this user may do that with the path.
pub(super) fn path(words: &Words) -> Result<(), Trouble> {
    let [path, mode] = words.exactly(["path", "mode"])?;
    let wanted = match mode {
        "readable" => Access::READ_OK,
        "writable" => Access::WRITE_OK,
        "executable" => Access::EXEC_OK,
        "exists" | "existence" => Access::EXISTS,
        _ => {
            let text = format!("invalid choice: '{mode}' (choose from 'writable', 'readable', 'executable', 'exists')");
            return Err(Trouble::Usage(format!("argument mode: {text}")));
        }
    };
    access(path, wanted).map_err(|error| Trouble::Failed(format!("{path} is not {mode}: {error}")))
}

/// Whether the variable is set (and, as `dub` wants it, not empty).
pub(super) fn ensure(words: &Words, not_empty: bool) -> Result<(), Trouble> {
    let [name] = words.exactly(["name"])?;
    let is_there = env::var_os(name).is_some_and(|value| !(not_empty && value.is_empty()));
    if is_there {
        return Ok(());
    }
    let text =
        if not_empty { format!("{name} is required.") } else { format!("environment variable {name:?} is not set") };
    Err(Trouble::Failed(text))
}

/// Whether one of the variables has a value. The original forgets to fail: so does this one, but says it.
pub(super) fn ensure_one(words: &Words) -> Result<(), Trouble> {
    let is_set = |name: &String| env::var_os(name).is_some_and(|value| !value.is_empty());
    if !words.all().iter().any(is_set) {
        eprintln!("one of ({}) is required.", words.all().join(","));
    }
    Ok(())
}

/// `listeners` made of `advertised.listeners`: every host becomes 0.0.0.0, or the protocol is cut off.
pub(super) fn listeners(words: &Words, without_protocol: bool) -> Result<String, Trouble> {
    let [advertised] = words.exactly(["advertised_listeners"])?;
    if advertised.is_empty() {
        return Err(Trouble::Failed("advertised listeners cannot be empty".into()));
    }
    let entries = advertised.split(',').map(|entry| {
        let Some((protocol, address)) = entry.split_once("://") else { return entry.trim().to_owned() };
        if without_protocol {
            return address.trim().to_owned();
        }
        match address.rsplit_once(':') {
            Some((_, port)) => format!("{protocol}://0.0.0.0:{port}"),
            None => entry.to_owned(),
        }
    });
    Ok(entries.collect::<Vec<_>>().join(","))
}
