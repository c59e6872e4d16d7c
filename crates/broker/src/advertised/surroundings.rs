//! Reads what the network around this process looks like: from Linux's `/proc/net`, and names from the resolver. Decides
//! nothing. On other systems the answer is empty, and advertised addresses are told as they are.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Network, Subnet, Surroundings, is_loopback};
use crate::broker::Broker;

const INTERFACES: &str = "/sys/class/net";
/// How often to look whether networks came or went, and whether names resolve that did not.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The network as it is now.
pub fn read_network() -> Network {
    let read = |name: &str| fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default();
    let (routes, addresses_v6) = (read("route"), read("if_inet6"));
    let (mut gateways, mut found) = parse_routes(&routes);
    let mut own = parse_local_addresses(&read("fib_trie"));
    for on_interface in parse_addresses_v6(&addresses_v6) {
        own.push(on_interface.address);
        found.push(on_interface);
    }
    let subnets = found.into_iter().map(|OnInterface { address, prefix_len, interface }| Subnet {
        address,
        prefix_len,
        is_inside: ends_inside(&Path::new(INTERFACES).join(interface)),
    });
    let subnets = subnets.collect();
    gateways.extend(parse_gateways_v6(&read("ipv6_route")));
    Network { own, gateways, subnets }
}

/// What a name stands for here; empty if it does not resolve. Blocks.
pub fn resolve(host: &str) -> Vec<IpAddr> {
    let found = (host, 0).to_socket_addrs().map(|all| all.map(|address| address.ip().to_canonical()).collect());
    found.unwrap_or_default()
}

/// Keeps the broker's picture of its surroundings right.
pub(crate) async fn watch(broker: Arc<Broker>) {
    loop {
        let work = Arc::clone(&broker);
        // Resolvers may take seconds.
        let _ = tokio::task::spawn_blocking(move || {
            let known = Arc::clone(&work.surroundings.read());
            let new = look(&known, work.advertised_hosts());
            if new != *known {
                *work.surroundings.write() = Arc::new(new);
            }
        })
        .await;
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = broker.advertised_changed.notified() => {}
        }
    }
}

fn look(known: &Surroundings, hosts: Vec<String>) -> Surroundings {
    let names = hosts.into_iter().filter(|host| host.parse::<IpAddr>().is_err() && !is_loopback(host)).map(|host| {
        let before = known.names.get(&host).filter(|found| !found.is_empty());
        let found = before.cloned().unwrap_or_else(|| resolve(&host));
        (host, found)
    });
    let names: BTreeMap<_, _> = names.collect();
    Surroundings { network: read_network(), bound: known.bound.clone(), names }
}

/// A network, or an own address in it, and the name of the interface that leads there.
#[derive(Debug, PartialEq)]
struct OnInterface<'a> {
    address: IpAddr,
    prefix_len: u32,
    interface: &'a str,
}

/// Whether what is sent by an interface stays on this machine: one end of a pair, such as a container has, or a bridge
/// between such ends. Overlay networks look the same from inside.
fn ends_inside(interface: &Path) -> bool {
    let read = |name: &str| fs::read_to_string(interface.join(name)).unwrap_or_default();
    let kind = read("uevent").lines().find_map(|line| line.strip_prefix("DEVTYPE=").map(str::to_owned));
    match kind.as_deref() {
        None => read("ifindex") != read("iflink"),
        Some("bridge") => fs::read_dir(interface.join("brif")).is_ok_and(|ports| {
            ports.flatten().all(|port| !Path::new(INTERFACES).join(port.file_name()).join("device").exists())
        }),
        Some(_) => false,
    }
}

/// Gateways and directly connected networks of `/proc/net/route`.
fn parse_routes(text: &str) -> (Vec<IpAddr>, Vec<OnInterface<'_>>) {
    let (mut gateways, mut subnets) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let word = |at: usize| fields.get(at).and_then(|text| parse_word(text));
        let (Some(destination), Some(gateway), Some(mask)) = (word(1), word(2), word(7)) else { continue };
        if !gateway.is_unspecified() {
            gateways.push(gateway.into());
        } else if !mask.is_unspecified() {
            let (address, prefix_len) = (destination.into(), mask.to_bits().leading_ones());
            subnets.push(OnInterface { address, prefix_len, interface: fields[0] });
        }
    }
    (gateways, subnets)
}

/// An IPv4 address as the kernel prints it here: one word in the order of the machine.
pub(super) fn parse_word(text: &str) -> Option<Ipv4Addr> {
    u32::from_str_radix(text, 16).ok().map(|word| Ipv4Addr::from(word.to_ne_bytes()))
}

/// Addresses of this machine in `/proc/net/fib_trie`: leaves marked `host LOCAL`.
fn parse_local_addresses(text: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    let mut leaf = None;
    for line in text.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse::<Ipv4Addr>().ok();
        } else if line.starts_with("/32 host LOCAL") {
            found.extend(leaf.map(IpAddr::from).filter(|address| !found.contains(address)));
        }
    }
    found
}

/// Own addresses of `/proc/net/if_inet6`.
fn parse_addresses_v6(text: &str) -> Vec<OnInterface<'_>> {
    fn parse(line: &str) -> Option<OnInterface<'_>> {
        let mut fields = line.split_ascii_whitespace();
        let address = parse_v6(fields.next()?)?;
        let prefix_len = u32::from_str_radix(fields.nth(1)?, 16).ok()?;
        Some(OnInterface { address: address.into(), prefix_len, interface: fields.nth(2)? })
    }
    text.lines().filter_map(parse).collect()
}

fn parse_gateways_v6(text: &str) -> Vec<IpAddr> {
    let gateway = |line: &str| parse_v6(line.split_ascii_whitespace().nth(4)?).filter(|ip| !ip.is_unspecified());
    let mut found: Vec<IpAddr> = text.lines().filter_map(gateway).map(IpAddr::from).collect();
    found.dedup();
    found
}

fn parse_v6(text: &str) -> Option<Ipv6Addr> {
    (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok())?.map(Ipv6Addr::from_bits)
}

/// What is known before anything was looked up: enough for clients that come at once.
impl Surroundings {
    pub(crate) fn at_start(bound: Vec<SocketAddr>) -> Self {
        Self { network: read_network(), bound, names: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
        eth0\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
        eth0\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";

    #[test]
    #[cfg(target_endian = "little")]
    fn routes_tell_gateway_and_network() {
        let (gateways, subnets) = parse_routes(ROUTE);
        assert_eq!(gateways, ["172.18.0.1".parse::<IpAddr>().unwrap()]);
        let subnet = OnInterface { address: "172.18.0.0".parse().unwrap(), prefix_len: 16, interface: "eth0" };
        assert_eq!(subnets, [subnet]);
    }

    #[test]
    fn local_addresses_are_the_marked_leaves() {
        let text = "Main:\n  +-- 0.0.0.0/0 3 0 4\n     |-- 172.18.0.0\n        /16 link UNICAST\n     |-- 172.18.0.5\n        \
                    /32 host LOCAL\nLocal:\n     |-- 172.18.0.5\n        /32 host LOCAL\n     |-- 127.0.0.0\n        /8 host LOCAL\n";
        assert_eq!(parse_local_addresses(text), ["172.18.0.5".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn v6_addresses_and_gateways() {
        let addresses = parse_addresses_v6("fd000000000000000000000000000002 04 40 00 82     eth0\nbroken\n");
        let address = "fd00::2".parse().unwrap();
        assert_eq!(addresses, [OnInterface { address, prefix_len: 64, interface: "eth0" }]);
        let zero = "0".repeat(32);
        let routes = format!(
            "{zero} 00 {zero} 00 fd000000000000000000000000000001 00000400 3 0 3 eth0\n{zero} 00 {zero} 00 {zero} 0 1 0 1 lo\n"
        );
        assert_eq!(parse_gateways_v6(&routes), ["fd00::1".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn which_interfaces_end_inside() {
        let root = tempfile::tempdir().unwrap();
        let interface = |name: &str, uevent: &str, index: &str, link: &str| {
            let dir = root.path().join(name);
            fs::create_dir(&dir).unwrap();
            for (file, text) in [("uevent", uevent), ("ifindex", index), ("iflink", link)] {
                fs::write(dir.join(file), text).unwrap();
            }
            dir
        };
        assert!(ends_inside(&interface("eth0", "INTERFACE=eth0\nIFINDEX=2\n", "2\n", "7\n")));
        assert!(!ends_inside(&interface("eth1", "INTERFACE=eth1\nIFINDEX=2\n", "2\n", "2\n")));
        assert!(!ends_inside(&interface("eth1.5", "DEVTYPE=vlan\nINTERFACE=eth1.5\n", "3\n", "2\n")));
        let bridge = interface("docker0", "DEVTYPE=bridge\nINTERFACE=docker0\n", "5\n", "5\n");
        fs::create_dir_all(bridge.join("brif/no-such-card")).unwrap();
        assert!(ends_inside(&bridge));
        assert!(!ends_inside(&root.path().join("missing")));
    }

    #[test]
    fn nonsense_is_skipped() {
        assert_eq!(parse_routes("a\nb c\n\n"), (vec![], vec![]));
        assert!(parse_local_addresses("|-- x\n/32 host LOCAL").is_empty());
    }
}
