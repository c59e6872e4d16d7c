//! Whether the other end of a connection within this machine is a process that runs here, such as a tool in the same
//! container, or something that only forwards into it. Read from Linux's `/proc`; if that does not tell, the answer is no.

use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Link;
use super::surroundings::parse_word;

/// The first PID namespace of a machine has this name on every Linux.
const OUTERMOST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// A socket as `/proc/net/tcp` lists it.
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    uid: u32,
    inode: u64,
}

/// Whether a process of this container or machine holds the peer's end. Forwarders such as `kubectl port-forward`, a
/// sidecar, or the port handlers of rootless containers hold it from outside.
pub(crate) fn runs_here(link: Link) -> bool {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let socket = tables.iter().find_map(|table| find_socket(&fs::read_to_string(table).ok()?, link));
    socket.is_some_and(|socket| has_owner(&socket))
}

fn find_socket(table: &str, link: Link) -> Option<Socket> {
    let ours = |text: &str| parse_address(text).map(canonical);
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let ends = (ours(fields.next()?)?, ours(fields.next()?)?);
        if ends != (canonical(link.peer), canonical(link.local)) {
            return None;
        }
        let uid = fields.nth(4)?.parse().ok()?;
        let inode = fields.nth(1)?.parse().ok()?;
        Some(Socket { uid, inode })
    })
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn parse_address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let ip: IpAddr = if ip.len() == 8 {
        parse_word(ip)?.into()
    } else {
        let mut octets = [0; 16];
        for (word, to) in (0..4).zip(octets.chunks_exact_mut(4)) {
            to.copy_from_slice(&parse_word(ip.get(word * 8..word * 8 + 8)?)?.octets());
        }
        Ipv6Addr::from(octets).into()
    };
    Some(SocketAddr::new(ip, port))
}

/// Newest processes first: a tool has just been started.
fn has_owner(socket: &Socket) -> bool {
    let Ok(entries) = fs::read_dir("/proc") else { return false };
    let mut pids: Vec<u32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable_by(|left, right| right.cmp(left));
    let target = format!("socket:[{}]", socket.inode);
    let mut is_hidden = false;
    for pid in pids {
        let home = format!("/proc/{pid}");
        if fs::metadata(&home).is_ok_and(|data| data.uid() == socket.uid) {
            match holds(Path::new(&home).join("fd").as_path(), &target) {
                Some(true) => return true,
                Some(false) => {}
                // A process of another user: root's `docker exec` beside a broker that is not root.
                None => is_hidden |= was_put_in(pid),
            }
        }
    }
    is_hidden && is_container()
}

/// Whether the process, or one that it descends from, was started from outside into this container, as `docker exec` does:
/// such processes have no parent here. What the container's own first process started has.
fn was_put_in(mut pid: u32) -> bool {
    const GENERATIONS: usize = 32;
    for _ in 0..GENERATIONS {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        match parse_parent(&stat) {
            Some(0) => return pid != 1,
            Some(parent) => pid = parent,
            None => return false,
        }
    }
    false
}

/// The name of the program comes second, in parentheses, and may hold anything.
fn parse_parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// `None` if this process may not see it.
fn holds(fds: &Path, target: &str) -> Option<bool> {
    let entries = fs::read_dir(fds).ok()?;
    Some(entries.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == target)))
}

fn is_container() -> bool {
    fs::read_link("/proc/self/ns/pid").is_ok_and(|name| name.as_os_str() != OUTERMOST_PID_NAMESPACE)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_socket_of_this_process_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let link = Link { local: client.peer_addr().unwrap(), peer: client.local_addr().unwrap() };
        assert!(runs_here(link));
        assert!(!runs_here(Link { peer: SocketAddr::new(link.peer.ip(), 1), ..link }));
    }

    #[test]
    fn parents() {
        assert_eq!(parse_parent("57 (kafka) (x) S 0 57 57 0 -1"), Some(0));
        assert_eq!(parse_parent("8 (sh) S 1 8"), Some(1));
        assert_eq!(parse_parent(""), None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn mapped_addresses_are_the_same_as_plain_ones() {
        let line = "head\n 0: 0000000000000000FFFF00000100007F:C000 0000000000000000FFFF00000100007F:2384 01 0:0 00:0 0 1000 0 77 1\n";
        let link = Link { local: "127.0.0.1:9092".parse().unwrap(), peer: "127.0.0.1:49152".parse().unwrap() };
        assert_eq!(find_socket(line, link), Some(Socket { uid: 1000, inode: 77 }));
        assert_eq!(find_socket("head\nx\n 0: zz\n", link), None);
    }
}
