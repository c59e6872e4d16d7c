//! Reads what `strace -f -y -xx` prints. Lines are in the order in which things happened: a thread does not go on before
//! its line is written.

use std::collections::HashMap;

/// A system call on a file or a socket.
#[derive(Debug, PartialEq)]
pub(crate) struct Call {
    /// Lines of the trace.
    pub begin: usize,
    /// None if it had not ended when the trace did.
    pub end: Option<usize>,
    pub path: String,
    pub what: What,
    pub result: Option<i64>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    Write(Vec<u8>),
    Sync,
}

impl Call {
    pub(crate) fn succeeded(&self) -> bool {
        self.result.is_some_and(|result| result >= 0)
    }

    pub(crate) fn is_socket(&self) -> bool {
        ["socket:", "TCP:", "TCPv6:"].iter().any(|kind| self.path.starts_with(kind))
    }
}

pub(crate) fn parse(text: &str) -> Result<Vec<Call>, String> {
    let mut calls: Vec<Call> = Vec::new();
    let mut unfinished: HashMap<&str, usize> = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        let fail = |why: &str| format!("line {}: {why}: {}", number + 1, line.chars().take(200).collect::<String>());
        let (thread, rest) = line.split_once(' ').ok_or_else(|| fail("no thread"))?;
        let rest = rest.trim_start();
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let Some(at) = unfinished.remove(thread) else { continue };
            calls[at].end = Some(number);
            calls[at].result = result(resumed);
            continue;
        }
        let Some(call) = begun(rest, number).map_err(|why| fail(&why))? else { continue };
        if call.result.is_none() {
            unfinished.insert(thread, calls.len());
        }
        calls.push(call);
    }
    Ok(calls)
}

/// The call of a line that begins one. None for calls on nothing that has a name.
fn begun(line: &str, number: usize) -> Result<Option<Call>, String> {
    let (name, arguments) = line.split_once('(').ok_or("no call")?;
    let Some(path) = path(arguments) else { return Ok(None) };
    let path = unescaped(path)?;
    let what = match name {
        "fsync" | "fdatasync" => What::Sync,
        _ => What::Write(strings(arguments)?),
    };
    let is_unfinished = line.ends_with("<unfinished ...>");
    let result = if is_unfinished { None } else { result(line) };
    let end = (!is_unfinished).then_some(number);
    Ok(Some(Call { begin: number, end, path, what, result }))
}

/// `12</some/where>, …`
fn path(arguments: &str) -> Option<&str> {
    let (descriptor, rest) = arguments.split_once('<')?;
    descriptor.parse::<u32>().ok()?;
    let end = rest.find([',', ')', ' ']).unwrap_or(rest.len());
    rest[..end].strip_suffix('>')
}

/// The number behind the last `=`.
fn result(line: &str) -> Option<i64> {
    line.rsplit_once(" = ")?.1.split_whitespace().next()?.parse().ok()
}

/// Names are in hexadecimal like strings, or not, by the version of strace.
fn unescaped(path: &str) -> Result<String, String> {
    if !path.starts_with("\\x") {
        return Ok(path.to_owned());
    }
    Ok(String::from_utf8_lossy(&bytes(path)?).into_owned())
}

/// Four characters for every byte.
fn bytes(escaped: &str) -> Result<Vec<u8>, String> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let byte = |code: &[u8]| match *code {
        [b'\\', b'x', high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    let all: Option<Vec<u8>> = escaped.as_bytes().chunks(4).map(byte).collect();
    all.ok_or_else(|| format!("not bytes: {}", escaped.chars().take(80).collect::<String>()))
}

/// All strings, one after the other. Every byte is written as \xNN.
fn strings(text: &str) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    let mut parts = text.split('"').skip(1);
    while let Some(inside) = parts.next() {
        all.extend(bytes(inside)?);
        if parts.next().is_some_and(|behind| behind.starts_with("...")) {
            return Err("a string was cut short; strace needs a larger -s".to_owned());
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::{Call, What, parse};

    #[test]
    fn whole_lines_are_calls() {
        let calls =
            parse("71 pwrite64(9</d/t-0/0.log>, \"\\x61\\xff\", 2, 100) = 2\n71 fdatasync(9</d/t-0/0.log>) = 0\n");
        let path = "/d/t-0/0.log".to_owned();
        let write =
            Call { begin: 0, end: Some(0), path: path.clone(), what: What::Write(vec![0x61, 0xff]), result: Some(2) };
        let sync = Call { begin: 1, end: Some(1), path, what: What::Sync, result: Some(0) };
        assert_eq!(calls.unwrap(), [write, sync]);
    }

    #[test]
    fn calls_that_were_interrupted_end_later() {
        let text = "71 fdatasync(9</d/j> <unfinished ...>\n\
                    72 writev(5<socket:[77]>, [{iov_base=\"\\x01\", iov_len=1}, {iov_base=\"\\x02\", iov_len=1}], 2) = 2\n\
                    71 <... fdatasync resumed>) = -1 EIO (Input/output error)\n\
                    72 fsync(9</d/j> <unfinished ...>\n";
        let calls = parse(text).unwrap();
        assert_eq!((calls[0].begin, calls[0].end, calls[0].result), (0, Some(2), Some(-1)));
        assert!(!calls[0].succeeded());
        assert_eq!(calls[1].what, What::Write(vec![1, 2]));
        assert!(calls[1].is_socket());
        assert_eq!((calls[2].begin, calls[2].end, calls[2].result), (3, None, None));
    }

    #[test]
    fn names_may_be_escaped() {
        let text = "71 fsync(9<\\x2f\\x64>) = 0\n71 write(5<\\x73\\x6f\\x63\\x6b\\x65\\x74\\x3a\\x5b\\x37\\x5d>, \"\", 0) = 0\n";
        let calls = parse(text).unwrap();
        assert_eq!(calls[0].path, "/d");
        assert!(calls[1].is_socket(), "{}", calls[1].path);
    }

    #[test]
    fn other_lines_are_left_out_and_cut_strings_refused() {
        let text = "71 --- SIGCHLD {si_signo=SIGCHLD} ---\n71 +++ exited with 0 +++\n71 write(8, \"\\x01\", 1) = 1\n";
        assert_eq!(parse(text).unwrap(), []);
        assert!(parse("71 write(8</d/j>, \"\\x01\"..., 9) = 9\n").unwrap_err().contains("cut short"));
        assert!(parse("nonsense\n").is_err());
    }
}
