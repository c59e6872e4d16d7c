//! What a client of each kind would be told by each listener, and whether that leads it back. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use barnabas_broker::advertised::{Link, Place, Subnet, instead_of_advertised, is_loopback};

use super::facts::{Facts, Level, ListenerFacts};

/// One kind of client at one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClientView {
    pub who: String,
    /// Host and port; `None` if such a client cannot even ask.
    pub told: Option<String>,
    pub level: Level,
    pub what: String,
    pub fix: Option<String>,
}

pub(super) fn views(facts: &Facts, listener: &ListenerFacts) -> Vec<ClientView> {
    let mut views = vec![beside(facts, listener)];
    views.extend(neighbours(facts, listener));
    views.push(if facts.in_container { host(listener) } else { beyond(listener) });
    views
}

fn view(who: impl Into<String>, told: Option<String>, level: Level, what: impl Into<String>) -> ClientView {
    ClientView { who: who.into(), told, level, what: what.into(), fix: None }
}

fn told_text(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn only_loopback(listener: &ListenerFacts) -> bool {
    listener.bound.ip().is_loopback()
}

/// The address by which a process beside the broker would come.
fn inner_address(listener: &ListenerFacts) -> SocketAddr {
    let ip = match listener.bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.bound.port())
}

fn replaced(facts: &Facts, listener: &ListenerFacts, link: Link) -> Option<SocketAddr> {
    let (host, port) = (&listener.told_host, listener.told_port);
    instead_of_advertised(&facts.surroundings, link, host, port, || true).filter(|_| facts.per_connection)
}

fn beside(facts: &Facts, listener: &ListenerFacts) -> ClientView {
    let who = if facts.in_container { "this container (docker exec)" } else { "this machine" };
    let local = inner_address(listener);
    if let Some(own) = replaced(facts, listener, Link { local, peer: SocketAddr::new(local.ip(), 1) }) {
        let what = format!(
            "the advertised {} does not lead here, so the address is told by which it came in",
            told_text(&listener.told_host, listener.told_port)
        );
        return view(who, Some(own.to_string()), Level::Good, what);
    }
    let told = Some(told_text(&listener.told_host, listener.told_port));
    if facts.surroundings.leads_here(&listener.told_host, listener.told_port) {
        return view(who, told, Level::Good, "leads to this listener");
    }
    match &listener.told.connected {
        Some(Ok(address)) => view(who, told, Level::Good, format!("connects, by {address}")),
        _ if listener.told.resolved.is_empty() && !is_loopback(&listener.told_host) => ClientView {
            fix: Some(format!(
                "let the name resolve here, or advertise another one (advertised.listeners={}://HOST:PORT)",
                listener.name
            )),
            ..view(who, told, unreachable_level(listener), "the name does not resolve here")
        },
        _ => ClientView {
            fix: Some(
                "set barnabas.advertised.listeners.per.connection=true, or use another listener from here".to_owned(),
            ),
            ..view(who, told, unreachable_level(listener), "nothing here answers at that address")
        },
    }
}

/// Outer listeners may be for others only; the one between brokers must work.
fn unreachable_level(listener: &ListenerFacts) -> Level {
    if listener.is_between_brokers { Level::Wrong } else { Level::Note }
}

fn neighbours(facts: &Facts, listener: &ListenerFacts) -> Vec<ClientView> {
    if only_loopback(listener) {
        let who = if facts.in_container { "other containers" } else { "other machines and containers" };
        let fix =
            format!("for more than this machine set listeners={}://0.0.0.0:{}", listener.name, listener.bound.port());
        let what = format!("cannot connect: the listener is bound to {} only", listener.bound.ip());
        return vec![ClientView { fix: Some(fix), ..view(who, None, Level::Note, what) }];
    }
    let bound = listener.bound.ip();
    let mut views = Vec::new();
    for subnet in &facts.surroundings.network.subnets {
        let own = facts.surroundings.network.own.iter().copied().find(|ip| subnet.contains(*ip));
        let Some(own) = own.filter(|own| hears(bound, *own)) else { continue };
        if let Some(link) = neighbour_link(facts, SocketAddr::new(own, listener.bound.port()), *subnet) {
            views.push(neighbour(facts, listener, link, *subnet));
        }
    }
    views
}

/// Whether clients of a network in which this machine has the address `own` can connect to a listener bound to `bound`.
fn hears(bound: IpAddr, own: IpAddr) -> bool {
    let is_link_local = matches!(own, IpAddr::V6(ip) if ip.is_unicast_link_local());
    bound == own || (bound.is_unspecified() && (bound.is_ipv6() || own.is_ipv4()) && !is_link_local)
}

/// A connection from somebody in that network who is neither this machine nor a gateway.
fn neighbour_link(facts: &Facts, local: SocketAddr, subnet: Subnet) -> Option<Link> {
    let candidate = |offset: u8| match local.ip() {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() ^ u32::from(offset))),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() ^ u128::from(offset))),
    };
    let links = (2..12).map(|offset| Link { local, peer: SocketAddr::new(candidate(offset), 1) });
    links
        .filter(|link| subnet.contains(link.peer.ip()))
        .find(|link| facts.surroundings.network.place_of(*link) == Place::Neighbour)
}

fn neighbour(facts: &Facts, listener: &ListenerFacts, link: Link, subnet: Subnet) -> ClientView {
    let kind = if facts.in_container { "other containers" } else { "containers and machines" };
    let who = format!("{kind} in {subnet}");
    if let Some(own) = replaced(facts, listener, link) {
        let what = format!("{} would be themselves, so this broker's address there is told", listener.told_host);
        return view(who, Some(own.to_string()), Level::Good, what);
    }
    let told = Some(told_text(&listener.told_host, listener.told_port));
    if is_loopback(&listener.told_host) {
        let fix =
            "set barnabas.advertised.listeners.per.connection=true, or advertise a name that they know".to_owned();
        return ClientView { fix: Some(fix), ..view(who, told, Level::Wrong, "means themselves, they cannot connect") };
    }
    let what = match listener.told.resolved.first() {
        Some(ip) => format!("works where the name stands for {ip} as it does here, and that port is open"),
        None => "works where the name resolves; here it does not".to_owned(),
    };
    view(who, told, Level::Good, what)
}

/// The host of the container comes through its gateway.
fn host(listener: &ListenerFacts) -> ClientView {
    let (told, bound) = (listener.told_port, listener.bound.port());
    let text = Some(told_text(&listener.told_host, told));
    if only_loopback(listener) {
        return view(
            "the container's host",
            None,
            Level::Note,
            "cannot connect: the listener is bound to loopback only",
        );
    }
    if is_loopback(&listener.told_host) {
        let what = format!("works if the port is published as {told}:{bound}");
        return view("the container's host", text, Level::Good, what);
    }
    let what = format!(
        "works if the host knows the name {} and reaches port {told} there; if not, add a listener that advertises \
         localhost with a published port",
        listener.told_host
    );
    view("the container's host", text, Level::Note, what)
}

fn beyond(listener: &ListenerFacts) -> ClientView {
    let text = Some(told_text(&listener.told_host, listener.told_port));
    let who = "clients behind a router";
    if only_loopback(listener) {
        return view(who, None, Level::Note, "cannot connect: the listener is bound to loopback only");
    }
    if is_loopback(&listener.told_host) {
        let what = "works only through a tunnel to the same port on their side; else advertise a name that they know";
        return view(who, text, Level::Note, what);
    }
    view(who, text, Level::Good, format!("works where {} resolves and the port is open", listener.told_host))
}
