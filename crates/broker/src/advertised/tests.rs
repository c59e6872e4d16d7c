//! What clients of every kind are told, by the shapes of compose files and of plain machines.

use super::*;

fn container(own: &str, bound: &[&str]) -> Surroundings {
    let own: IpAddr = own.parse().unwrap();
    let prefix_len = if own.is_ipv4() { 16 } else { 64 };
    let gateway = if own.is_ipv4() { "172.18.0.1" } else { "fd00::1" };
    Surroundings {
        network: Network {
            own: vec![own, Ipv4Addr::LOCALHOST.into()],
            gateways: vec![gateway.parse().unwrap()],
            subnets: vec![Subnet { address: own, prefix_len, is_inside: true }],
        },
        bound: bound.iter().map(|address| address.parse().unwrap()).collect(),
        names: [("kafka".to_owned(), vec![own]), ("outside.example".to_owned(), vec!["203.0.113.7".parse().unwrap()])]
            .into(),
    }
}

struct Case {
    what: &'static str,
    advertised: (&'static str, u16),
    local: &'static str,
    peer: &'static str,
    is_process_here: bool,
    told: Option<&'static str>,
}

const fn case(
    what: &'static str,
    advertised: (&'static str, u16),
    local: &'static str,
    peer: &'static str,
    is_process_here: bool,
    told: Option<&'static str>,
) -> Case {
    Case { what, advertised, local, peer, is_process_here, told }
}

fn judge(around: &Surroundings, cases: &[Case]) {
    for case in cases {
        let link = Link { local: case.local.parse().unwrap(), peer: format!("{}:50000", case.peer).parse().unwrap() };
        let (host, port) = case.advertised;
        let told = instead_of_advertised(around, link, host, port, || case.is_process_here);
        assert_eq!(told.map(|address| address.to_string()).as_deref(), case.told, "{}", case.what);
    }
}

const HERE: bool = true;
const FORWARDED: bool = false;

#[test]
fn one_listener_that_is_advertised_as_localhost() {
    let told = ("localhost", 9092);
    judge(
        &container("172.18.0.5", &["0.0.0.0:9092"]),
        &[
            case("the host, by the published port", told, "172.18.0.5:9092", "172.18.0.1", HERE, None),
            case("another container", told, "172.18.0.5:9092", "172.18.0.9", HERE, Some("172.18.0.5:9092")),
            case(
                "the same, by 127.0.0.1",
                ("127.0.0.1", 9092),
                "172.18.0.5:9092",
                "172.18.0.9",
                HERE,
                Some("172.18.0.5:9092"),
            ),
            case(
                "the same, by LOCALHOST.",
                ("LOCALHOST.", 9092),
                "172.18.0.5:9092",
                "172.18.0.9",
                HERE,
                Some("172.18.0.5:9092"),
            ),
            case("docker exec by localhost", told, "127.0.0.1:9092", "127.0.0.1", HERE, None),
            case("docker exec by its own name", told, "172.18.0.5:9092", "172.18.0.5", HERE, None),
            case("kubectl port-forward", told, "127.0.0.1:9092", "127.0.0.1", FORWARDED, None),
            case("from beyond a router", told, "172.18.0.5:9092", "10.1.2.3", HERE, None),
        ],
    );
}

#[test]
fn a_listener_that_is_published_on_another_port() {
    let told = ("localhost", 29092);
    judge(
        &container("172.18.0.5", &["0.0.0.0:9092"]),
        &[
            case("the host", told, "172.18.0.5:9092", "172.18.0.1", HERE, None),
            case("another container", told, "172.18.0.5:9092", "172.18.0.9", HERE, Some("172.18.0.5:9092")),
            case("docker exec", told, "127.0.0.1:9092", "127.0.0.1", HERE, Some("127.0.0.1:9092")),
            case(
                "docker exec, by its own address",
                told,
                "172.18.0.5:9092",
                "172.18.0.5",
                HERE,
                Some("172.18.0.5:9092"),
            ),
            case("kubectl port-forward 29092:9092", told, "127.0.0.1:9092", "127.0.0.1", FORWARDED, None),
            case("rootless podman", told, "172.18.0.5:9092", "172.18.0.5", FORWARDED, None),
        ],
    );
}

#[test]
fn listeners_for_the_host_and_for_containers() {
    let around = container("172.18.0.5", &["0.0.0.0:9092", "0.0.0.0:29092"]);
    let (inside, outside) = (("kafka", 9092), ("localhost", 29092));
    judge(
        &around,
        &[
            case("container, by the name", inside, "172.18.0.5:9092", "172.18.0.9", HERE, None),
            case("docker exec to the inner listener", inside, "127.0.0.1:9092", "127.0.0.1", HERE, None),
            case("the host", outside, "172.18.0.5:29092", "172.18.0.1", HERE, None),
            case("docker exec to the outer listener", outside, "127.0.0.1:29092", "127.0.0.1", HERE, None),
            case(
                "a container that took the outer one",
                outside,
                "172.18.0.5:29092",
                "172.18.0.9",
                HERE,
                Some("172.18.0.5:29092"),
            ),
        ],
    );
}

#[test]
fn a_listener_that_advertises_an_outer_name() {
    let around = container("172.18.0.5", &["0.0.0.0:9092", "0.0.0.0:9094"]);
    let (named, address) = (("outside.example", 9094), ("203.0.113.7", 32_768));
    judge(
        &around,
        &[
            case("docker exec", named, "127.0.0.1:9094", "127.0.0.1", HERE, Some("127.0.0.1:9094")),
            case(
                "docker exec, address and mapped port",
                address,
                "127.0.0.1:9094",
                "127.0.0.1",
                HERE,
                Some("127.0.0.1:9094"),
            ),
            case("a sidecar that forwards", named, "127.0.0.1:9094", "127.0.0.1", FORWARDED, None),
            case("another container", named, "172.18.0.5:9094", "172.18.0.9", HERE, None),
            case("from outside", address, "172.18.0.5:9094", "198.51.100.2", HERE, None),
            case("a name nobody has looked up yet", ("new.example", 9094), "127.0.0.1:9094", "127.0.0.1", HERE, None),
        ],
    );
    let mut unresolved = around;
    unresolved.names.insert("gone.example".to_owned(), Vec::new());
    let gone = ("gone.example", 9094);
    judge(&unresolved, &[case("unknown here", gone, "127.0.0.1:9094", "127.0.0.1", HERE, Some("127.0.0.1:9094"))]);
}

#[test]
fn nothing_advertised_means_the_name_of_the_machine() {
    let told = ("kafka", 9092);
    judge(
        &container("172.18.0.5", &["0.0.0.0:9092"]),
        &[
            case("another container", told, "172.18.0.5:9092", "172.18.0.9", HERE, None),
            case("docker exec", told, "127.0.0.1:9092", "127.0.0.1", HERE, None),
        ],
    );
}

#[test]
fn a_host_of_containers_itself() {
    let around = Surroundings {
        network: Network {
            own: vec!["172.17.0.1".parse().unwrap(), "192.0.2.2".parse().unwrap()],
            gateways: vec!["192.0.2.1".parse().unwrap()],
            subnets: vec![
                Subnet { address: "172.17.0.0".parse().unwrap(), prefix_len: 16, is_inside: true },
                Subnet { address: "192.0.2.0".parse().unwrap(), prefix_len: 24, is_inside: false },
            ],
        },
        bound: vec!["0.0.0.0:9092".parse().unwrap()],
        names: BTreeMap::new(),
    };
    let told = ("localhost", 9092);
    judge(
        &around,
        &[
            case("by loopback", told, "127.0.0.1:9092", "127.0.0.1", HERE, None),
            case("by another address of its own", told, "192.0.2.2:9092", "192.0.2.2", HERE, None),
            case("a container", told, "172.17.0.1:9092", "172.17.0.4", HERE, Some("172.17.0.1:9092")),
            case("a machine nearby", told, "192.0.2.2:9092", "192.0.2.77", HERE, Some("192.0.2.2:9092")),
            case("the router", told, "192.0.2.2:9092", "192.0.2.1", HERE, None),
        ],
    );
}

#[test]
fn a_listener_on_one_address_does_not_hear_loopback() {
    let around = container("172.18.0.5", &["172.18.0.5:9092"]);
    let told = ("localhost", 9092);
    judge(
        &around,
        &[
            case("docker exec", told, "172.18.0.5:9092", "172.18.0.5", HERE, Some("172.18.0.5:9092")),
            case("the host", told, "172.18.0.5:9092", "172.18.0.1", HERE, None),
        ],
    );
}

#[test]
fn ipv6() {
    let around = container("fd00::5", &["[::]:9092"]);
    let told = ("::1", 9092);
    judge(
        &around,
        &[
            case("another container", told, "[fd00::5]:9092", "[fd00::9]", HERE, Some("[fd00::5]:9092")),
            case("the host", told, "[fd00::5]:9092", "[fd00::1]", HERE, None),
            case("docker exec", told, "[::1]:9092", "[::1]", HERE, None),
            case("IPv4 by a socket for both", told, "[::ffff:127.0.0.1]:9092", "[::ffff:127.0.0.1]", HERE, None),
            case("an address without its interface", told, "[fe80::5]:9092", "[fe80::9]", HERE, None),
            case("another port", ("localhost", 1), "[::1]:9092", "[::1]", HERE, Some("[::1]:9092")),
        ],
    );
    let both = container("172.18.0.5", &["[::]:9092"]);
    let mapped = case("mapped", told, "[::ffff:172.18.0.5]:9092", "[::ffff:172.18.0.9]", HERE, Some("172.18.0.5:9092"));
    judge(&both, &[mapped]);
}

#[test]
fn the_host_on_a_network_without_a_way_out() {
    let mut around = container("172.18.0.5", &["0.0.0.0:9092"]);
    around.network.gateways.clear();
    judge(&around, &[case("the host", ("localhost", 9092), "172.18.0.5:9092", "172.18.0.1", HERE, None)]);
}

#[test]
fn without_any_knowledge_of_the_network_the_advertised_address_stands() {
    let around = Surroundings { bound: vec!["0.0.0.0:9092".parse().unwrap()], ..Surroundings::default() };
    judge(&around, &[case("anybody", ("localhost", 9092), "172.18.0.5:9092", "172.18.0.9", HERE, None)]);
}

#[test]
fn whose_cores_a_client_takes() {
    let network = |is_inside| {
        let mut network = container("172.18.0.5", &[]).network;
        network.subnets[0].is_inside = is_inside;
        network
    };
    let link =
        |peer: &str| Link { local: "172.18.0.5:9092".parse().unwrap(), peer: format!("{peer}:5000").parse().unwrap() };
    for (peer, inside, outside) in [
        ("127.0.0.1", true, true),
        ("172.18.0.5", true, true),
        ("172.18.0.9", true, false),
        ("172.18.0.1", true, false),
        ("203.0.113.7", false, false),
    ] {
        assert_eq!(network(true).is_on_this_machine(link(peer)), inside, "{peer} of a network of containers");
        assert_eq!(network(false).is_on_this_machine(link(peer)), outside, "{peer} of a network of machines");
    }
}
