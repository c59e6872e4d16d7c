//! Which address a client is told for the broker that it talks to: the advertised one, or, where that leads nowhere for
//! this client, the one that its connection came in by. Pure: what the network looks like is handed in
//! (`surroundings.rs` reads it), and whether the peer is a process of this machine is asked back (`peer_process.rs`).

mod peer_process;
mod surroundings;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(crate) use peer_process::runs_here;
pub(crate) use surroundings::watch;
pub use surroundings::{read_network, resolve};

/// A range of addresses that are reached without a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub address: IpAddr,
    pub prefix_len: u32,
    /// Whether it ends at this machine: the one that its containers share.
    pub is_inside: bool,
}

/// The network as this process sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Addresses of this machine or container.
    pub own: Vec<IpAddr>,
    pub gateways: Vec<IpAddr>,
    pub subnets: Vec<Subnet>,
}

/// What the choice of an address depends on besides the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    pub network: Network,
    /// Where this broker listens for clients.
    pub bound: Vec<SocketAddr>,
    /// What the advertised names stand for here; empty if they do not resolve, missing while nobody has looked.
    pub names: BTreeMap<String, Vec<IpAddr>>,
}

/// The two ends of a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub local: SocketAddr,
    pub peer: SocketAddr,
}

/// Where a client is, as far as its address tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this machine or container, or behind something that forwards into it, such as `kubectl port-forward`.
    ThisHost,
    /// On a network that this machine is on: another container, another machine.
    Neighbour,
    /// Behind a gateway. The host of a container comes from there, too, and reaches it by a published port.
    Elsewhere,
}

/// The address to tell instead of the advertised one; `None` if that one is right.
///
/// Nothing that works with Apache Kafka may change. A neighbour cannot reach a loopback name. A process beside the broker
/// may not reach a published port or an outer address; what is only forwarded here must keep the advertised address,
/// and is told apart by `peer_is_process_here`.
pub fn instead_of_advertised(
    around: &Surroundings,
    link: Link,
    host: &str,
    port: u16,
    peer_is_process_here: impl FnOnce() -> bool,
) -> Option<SocketAddr> {
    let own = SocketAddr::new(link.local.ip().to_canonical(), link.local.port());
    if is_link_local(own.ip()) || own.ip().is_unspecified() {
        return None;
    }
    let wrong = match around.network.place_of(link) {
        Place::ThisHost => !around.leads_here(host, port) && peer_is_process_here(),
        Place::Neighbour => is_loopback(host),
        Place::Elsewhere => false,
    };
    wrong.then_some(own)
}

impl Surroundings {
    /// Whether a process beside the broker that connects there arrives at one of the broker's listeners.
    pub fn leads_here(&self, host: &str, port: u16) -> bool {
        let Some(addresses) = self.addresses_of(host) else { return true };
        addresses.iter().any(|ip| {
            let is_mine = ip.is_loopback() || self.network.own.contains(ip);
            is_mine && self.bound.iter().any(|bound| bound.port() == port && accepts(bound.ip(), *ip))
        })
    }

    fn addresses_of(&self, host: &str) -> Option<Vec<IpAddr>> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Some(vec![ip.to_canonical()]);
        }
        if is_loopback(host) {
            return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        self.names.get(host).cloned()
    }
}

/// Whether a socket bound to `bound` gets what is sent to `ip`.
fn accepts(bound: IpAddr, ip: IpAddr) -> bool {
    match bound {
        // A socket on :: takes IPv4, too, unless the system is told otherwise.
        IpAddr::V6(any) if any.is_unspecified() => true,
        IpAddr::V4(any) if any.is_unspecified() => ip.is_ipv4(),
        one => one.to_canonical() == ip,
    }
}

impl Network {
    /// Where the client of a connection is.
    pub fn place_of(&self, link: Link) -> Place {
        let (local, peer) = (link.local.ip().to_canonical(), link.peer.ip().to_canonical());
        if peer.is_loopback() || peer == local || self.own.contains(&peer) {
            return Place::ThisHost;
        }
        if self.gateways.contains(&peer) {
            return Place::Elsewhere;
        }
        match self.shared_subnet(local, peer) {
            // Where containers are, this is their host, even on networks without a way out.
            Some(subnet) if subnet.first_host() == Some(peer) => Place::Elsewhere,
            Some(_) => Place::Neighbour,
            None => Place::Elsewhere,
        }
    }

    /// Whether the client runs on the same cores, as far as can be told.
    pub fn is_on_this_machine(&self, link: Link) -> bool {
        let (local, peer) = (link.local.ip().to_canonical(), link.peer.ip().to_canonical());
        self.place_of(link) == Place::ThisHost || self.shared_subnet(local, peer).is_some_and(|subnet| subnet.is_inside)
    }

    fn shared_subnet(&self, local: IpAddr, peer: IpAddr) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.contains(local) && subnet.contains(peer))
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first_host() {
            Some(IpAddr::V4(first)) => write!(f, "{}/{}", Ipv4Addr::from_bits(first.to_bits() & !1), self.prefix_len),
            Some(IpAddr::V6(first)) => write!(f, "{}/{}", Ipv6Addr::from_bits(first.to_bits() & !1), self.prefix_len),
            None => write!(f, "{}/{}", self.address, self.prefix_len),
        }
    }
}

impl Subnet {
    /// Whether an address is of this network. Networks of one or two addresses have nobody to share them with.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(net), IpAddr::V4(ip)) if (1..=30).contains(&self.prefix_len) => {
                let shift = 32 - self.prefix_len;
                net.to_bits() >> shift == ip.to_bits() >> shift
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) if (1..=126).contains(&self.prefix_len) => {
                let shift = 128 - self.prefix_len;
                net.to_bits() >> shift == ip.to_bits() >> shift
            }
            _ => false,
        }
    }

    fn first_host(&self) -> Option<IpAddr> {
        match self.address {
            IpAddr::V4(net) if (1..=30).contains(&self.prefix_len) => {
                let shift = 32 - self.prefix_len;
                Some(Ipv4Addr::from_bits(((net.to_bits() >> shift) << shift) | 1).into())
            }
            IpAddr::V6(net) if (1..=126).contains(&self.prefix_len) => {
                let shift = 128 - self.prefix_len;
                Some(Ipv6Addr::from_bits(((net.to_bits() >> shift) << shift) | 1).into())
            }
            _ => None,
        }
    }
}

/// Whether a host always means the machine that asks.
pub fn is_loopback(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Such addresses mean nothing without the name of an interface, which the protocol has no room for.
fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

#[cfg(test)]
mod tests;
