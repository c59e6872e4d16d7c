//! Addresses: listeners, what is advertised, controllers, voters, and the rules between them. Opens no socket and
//! resolves no name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::load::ConfigError;
use crate::value::Value;

/// How connections of a listener are secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub enum SecurityProtocol {
    /// Neither TLS nor SASL.
    Plaintext = 0,
    /// TLS.
    Ssl = 1,
    /// SASL without TLS.
    SaslPlaintext = 2,
    /// SASL inside TLS.
    SaslSsl = 3,
}

impl SecurityProtocol {
    /// Kafka's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// The number in broker registrations.
    pub const fn id(self) -> i16 {
        self as i16
    }

    fn of_name(name: &str) -> Option<Self> {
        let all = [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl];
        all.into_iter().find(|protocol| protocol.name() == name)
    }
}

impl fmt::Display for SecurityProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An address the process listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Name, in upper case.
    pub name: String,
    /// How its connections are secured.
    pub protocol: SecurityProtocol,
    /// Host to bind; empty means every interface.
    pub host: String,
    /// Port to bind; 0 lets the system choose.
    pub port: u16,
}

impl Listener {
    /// Whether it listens on every interface, so that its host is no address anybody could connect to.
    pub fn is_wildcard(&self) -> bool {
        is_wildcard(&self.host)
    }
}

/// An address that clients are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvertisedListener {
    /// Name of the listener, in upper case.
    pub name: String,
    /// How its connections are secured.
    pub protocol: SecurityProtocol,
    /// Host to tell; `None` if nobody said it, and the caller puts this machine's name.
    pub host: Option<String>,
    /// Port to tell; 0 if it is the one the system chooses.
    pub port: u16,
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// A member of a fixed controller quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumVoter {
    /// Its `node.id`.
    pub id: i32,
    /// Where its controller listens.
    pub address: HostPort,
}

/// Everything that `resolve` works out.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    pub(super) client_listeners: Vec<Listener>,
    pub(super) controller_listeners: Vec<Listener>,
    pub(super) advertised: Vec<AdvertisedListener>,
    pub(super) controller_names: Vec<String>,
    pub(super) inter_broker_name: String,
    pub(super) voters: Vec<QuorumVoter>,
    pub(super) bootstrap_servers: Vec<HostPort>,
    pub(super) http: Option<HostPort>,
}

type Values = BTreeMap<&'static str, Value>;
type Protocols = BTreeMap<String, SecurityProtocol>;

pub(super) fn resolve(values: &Values, notes: &mut Vec<String>) -> Result<Addresses, ConfigError> {
    resolve_addresses(values, notes).map_err(ConfigError::one)
}

fn resolve_addresses(values: &Values, notes: &mut Vec<String>) -> Result<Addresses, String> {
    let controller_names = controller_names(values);
    let protocols = protocols(values, &controller_names)?;
    let all = parse_listeners(list(values, "listeners"), &protocols, "listeners")?;
    check_distinct_ports(&all)?;
    let (controller_listeners, client_listeners): (Vec<_>, Vec<_>) =
        all.iter().cloned().partition(|listener| controller_names.contains(&listener.name));
    check_roles(values, &client_listeners, &controller_listeners, &controller_names, notes)?;
    let advertised = advertised(values, &protocols, &all, &controller_names)?;
    let inter_broker_name = inter_broker_name(values, &protocols, &advertised, &controller_names)?;
    check_early_start(values, &all, &controller_names)?;
    let voters =
        list(values, "controller.quorum.voters").iter().map(|text| parse_voter(text)).collect::<Result<_, _>>()?;
    let bootstrap_servers = list(values, "controller.quorum.bootstrap.servers")
        .iter()
        .map(|text| {
            parse_host_port(text)
                .ok_or_else(|| format!("controller.quorum.bootstrap.servers: {text:?} is not of the form host:port"))
        })
        .collect::<Result<_, _>>()?;
    let http = http_listener(values)?;
    Ok(Addresses {
        client_listeners,
        controller_listeners,
        advertised,
        controller_names,
        inter_broker_name,
        voters,
        bootstrap_servers,
        http,
    })
}

/// The same listener on every interface; `None` if the text is no listener.
pub(super) fn on_every_interface(text: &str) -> Option<String> {
    let (name, address) = text.split_once("://")?;
    Some(format!("{name}://0.0.0.0:{}", address.rsplit_once(':')?.1))
}

fn list<'a>(values: &'a Values, key: &str) -> &'a [String] {
    if let Some(Value::List(items)) = values.get(key) { items } else { &[] }
}

fn text<'a>(values: &'a Values, key: &str) -> Option<&'a str> {
    if let Some(Value::Text(text)) = values.get(key) { Some(text) } else { None }
}

fn is_wildcard(host: &str) -> bool {
    matches!(host, "" | "0.0.0.0" | "::" | "0:0:0:0:0:0:0:0")
}

/// Given names; else `CONTROLLER`, if this controller has a listener of that name.
fn controller_names(values: &Values) -> Vec<String> {
    let given: Vec<String> = list(values, "controller.listener.names").iter().map(|name| name.to_uppercase()).collect();
    let is_controller = list(values, "process.roles").iter().any(|role| role == "controller");
    let implied = list(values, "listeners").iter().any(|text| text.to_uppercase().starts_with("CONTROLLER://"));
    if given.is_empty() && is_controller && implied { vec!["CONTROLLER".into()] } else { given }
}

/// Protocol per listener name. Controllers that the map does not name speak plain text, and a name that is a
/// protocol's stands for it, whether or not the map repeats that.
fn protocols(values: &Values, controller_names: &[String]) -> Result<Protocols, String> {
    let mut protocols = Protocols::new();
    for name in controller_names {
        protocols.insert(name.clone(), SecurityProtocol::of_name(name).unwrap_or(SecurityProtocol::Plaintext));
    }
    for name in ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] {
        protocols.extend(SecurityProtocol::of_name(name).map(|protocol| (name.to_owned(), protocol)));
    }
    let map = text(values, "listener.security.protocol.map").unwrap_or_default();
    for pair in map.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let parsed = pair.split_once(':').map(|(name, protocol)| {
            (name.trim().to_uppercase(), SecurityProtocol::of_name(&protocol.trim().to_uppercase()))
        });
        let Some((name, Some(protocol))) = parsed else {
            return Err(format!(
                "listener.security.protocol.map: {pair:?} is not NAME:PROTOCOL with PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
            ));
        };
        protocols.insert(name, protocol);
    }
    Ok(protocols)
}

fn parse_listeners(texts: &[String], protocols: &Protocols, key: &str) -> Result<Vec<Listener>, String> {
    let mut names = BTreeSet::new();
    let mut listeners = Vec::new();
    for text in texts {
        let parts = text.split_once("://").and_then(|(name, address)| Some((name, parse_host_port(address)?)));
        let Some((name, HostPort { host, port })) = parts else {
            return Err(format!("{key}: {text:?} is not of the form NAME://host:port, such as PLAINTEXT://:9092"));
        };
        let name = name.trim().to_uppercase();
        let Some(protocol) = protocols.get(&name).copied() else {
            return Err(format!(
                "{key}: no security protocol is known for {name}; add {name}:PLAINTEXT (or SSL, SASL_PLAINTEXT, SASL_SSL) to listener.security.protocol.map"
            ));
        };
        if !names.insert(name.clone()) {
            return Err(format!("{key}: there are two listeners called {name}; give each its own name"));
        }
        listeners.push(Listener { name, protocol, host, port });
    }
    Ok(listeners)
}

/// `host:port`, `[v6]:port` or `:port`.
fn parse_host_port(text: &str) -> Option<HostPort> {
    let (host, port) = text.trim().rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None => host,
    };
    let valid = host.chars().all(|ch| ch.is_alphanumeric() || "-%._:".contains(ch));
    let port = port.parse().ok()?;
    valid.then(|| HostPort { host: host.to_owned(), port })
}

/// Two listeners may share a port only if one is IPv4 and the other IPv6.
fn check_distinct_ports(listeners: &[Listener]) -> Result<(), String> {
    for (index, left) in listeners.iter().enumerate() {
        let twin = listeners.iter().skip(index + 1).find(|right| right.port == left.port && left.port != 0);
        let Some(right) = twin else { continue };
        let is_v4 = |host: &str| host.parse::<std::net::Ipv4Addr>().is_ok();
        let is_v6 = |host: &str| host.parse::<std::net::Ipv6Addr>().is_ok();
        let apart = (is_v4(&left.host) && is_v6(&right.host)) || (is_v6(&left.host) && is_v4(&right.host));
        if !apart {
            let problem = format!("listeners: {} and {} both use port {}", left.name, right.name, left.port);
            return Err(format!("{problem}; give each its own port"));
        }
    }
    Ok(())
}

fn check_roles(
    values: &Values,
    clients: &[Listener],
    controllers: &[Listener],
    controller_names: &[String],
    notes: &mut Vec<String>,
) -> Result<(), String> {
    let has_role = |role: &str| list(values, "process.roles").iter().any(|given| given == role);
    if has_role("broker") && clients.is_empty() {
        return Err("listeners: every listener is one of controller.listener.names, so clients could not connect; add one, such as PLAINTEXT://:9092".into());
    }
    if !has_role("controller") && !controllers.is_empty() {
        return Err(format!(
            "listeners: {} belongs to the controller, but process.roles is only broker; remove it",
            controllers[0].name
        ));
    }
    if !has_role("broker") && !clients.is_empty() {
        let name = &clients[0].name;
        return Err(format!(
            "listeners: {name} is not one of controller.listener.names, but process.roles is only controller"
        ));
    }
    let missing = controller_names.iter().find(|name| !controllers.iter().any(|listener| listener.name == **name));
    if let (true, Some(name)) = (has_role("controller") && controllers.is_empty(), missing) {
        notes.push(format!(
            "controller.listener.names has {name}, but listeners does not: only a single node works like this"
        ));
    }
    Ok(())
}

fn advertised(
    values: &Values,
    protocols: &Protocols,
    all: &[Listener],
    controller_names: &[String],
) -> Result<Vec<AdvertisedListener>, String> {
    let given = parse_listeners(list(values, "advertised.listeners"), protocols, "advertised.listeners")?;
    for listener in &given {
        if listener.is_wildcard() && !listener.host.is_empty() {
            return Err(format!(
                "advertised.listeners: nobody can connect to {}; put the name or address under which clients reach this broker",
                listener.host
            ));
        }
        if !all.iter().any(|bound| bound.name == listener.name) {
            return Err(format!(
                "advertised.listeners: {} is not among the names of listeners; add it there",
                listener.name
            ));
        }
    }
    let chosen = if given.is_empty() { all.to_vec() } else { given };
    let clients = chosen.into_iter().filter(|listener| !controller_names.contains(&listener.name));
    let told: Vec<_> = clients.map(to_advertised).collect();
    let is_broker = list(values, "process.roles").iter().any(|role| role == "broker");
    if is_broker && told.is_empty() {
        return Err("advertised.listeners: only controller listeners are named; add one for clients".into());
    }
    Ok(told)
}

/// The same with another text for `advertised.listeners`.
pub(super) fn advertised_as(values: &Values, text: &str) -> Result<Vec<AdvertisedListener>, String> {
    let items: Vec<String> =
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect();
    if items.is_empty() {
        return Err("advertised.listeners: there must be one at least; delete the key to go back to the file's".into());
    }
    let mut changed = values.clone();
    changed.insert("advertised.listeners", Value::List(items));
    let controller_names = controller_names(&changed);
    let protocols = protocols(&changed, &controller_names)?;
    let all = parse_listeners(list(&changed, "listeners"), &protocols, "listeners")?;
    let told = advertised(&changed, &protocols, &all, &controller_names)?;
    inter_broker_name(&changed, &protocols, &told, &controller_names)?;
    Ok(told)
}

fn to_advertised(listener: Listener) -> AdvertisedListener {
    let host = (!listener.is_wildcard()).then(|| listener.host.clone());
    AdvertisedListener { name: listener.name, protocol: listener.protocol, host, port: listener.port }
}

/// The given name; else the first advertised listener of the protocol between brokers; else the first advertised.
fn inter_broker_name(
    values: &Values,
    protocols: &Protocols,
    advertised: &[AdvertisedListener],
    controller_names: &[String],
) -> Result<String, String> {
    let Some(given) = text(values, "inter.broker.listener.name").map(str::to_uppercase) else {
        let protocol = text(values, "security.inter.broker.protocol").unwrap_or("PLAINTEXT");
        let by_name = advertised.iter().find(|listener| listener.name == protocol);
        let by_protocol = || advertised.iter().find(|listener| listener.protocol.name() == protocol);
        let chosen = by_name.or_else(by_protocol).or_else(|| advertised.first());
        return Ok(chosen.map_or_else(|| protocol.to_owned(), |listener| listener.name.clone()));
    };
    if controller_names.contains(&given) {
        return Err(format!("inter.broker.listener.name: {given} belongs to the controller; choose another listener"));
    }
    if !advertised.is_empty() && !advertised.iter().any(|listener| listener.name == given) {
        return Err(format!("inter.broker.listener.name: {given} is not among the advertised listeners"));
    }
    if !protocols.contains_key(&given) {
        return Err(format!("inter.broker.listener.name: {given} is not in listener.security.protocol.map"));
    }
    Ok(given)
}

fn check_early_start(values: &Values, all: &[Listener], controller_names: &[String]) -> Result<(), String> {
    let known =
        |name: &String| all.iter().map(|listener| &listener.name).chain(controller_names).any(|other| other == name);
    let stranger = list(values, "early.start.listeners").iter().find(|name| !known(&name.to_uppercase()));
    stranger.map_or(Ok(()), |name| Err(format!("early.start.listeners: {name} is not among the names of listeners")))
}

fn parse_voter(text: &str) -> Result<QuorumVoter, String> {
    let parsed = text.split_once('@').and_then(|(id, address)| {
        let id: i32 = id.trim().parse().ok().filter(|id| *id >= 0)?;
        Some(QuorumVoter { id, address: parse_host_port(address).filter(|address| !address.host.is_empty())? })
    });
    parsed.ok_or_else(|| {
        format!("controller.quorum.voters: {text:?} is not of the form id@host:port, such as 1@localhost:9093")
    })
}

fn http_listener(values: &Values) -> Result<Option<HostPort>, String> {
    match text(values, "barnabas.http.listener").map(str::trim).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => {
            let address = text.strip_prefix("http://").unwrap_or(text);
            let parsed = parse_host_port(address);
            parsed.map(Some).ok_or_else(|| {
                format!(
                    "barnabas.http.listener: {text:?} is not of the form host:port; leave it empty to switch it off"
                )
            })
        }
    }
}
