//! Names that siblings would have if ZooKeeper is gone from the file: `kafka1` has a neighbour called `kafka2`. Pure:
//! the caller finds out whether such a name exists and listens.

use crate::{ConnectString, HostPort};

/// Ports of files differ by these steps from broker to broker: 9092, 9093 or 19092, 29092.
const PORT_STEPS: &[i64] = &[0, 1, 1000, 10_000];

/// Where neighbours of a broker with these advertised addresses would be found. Empty if its name has no number, or if
/// its ZooKeeper is numbered like it: then every broker of the file is meant to be a cluster of its own.
pub fn candidates(advertised: &[HostPort], zookeeper: &ConnectString) -> Vec<HostPort> {
    let mut found = Vec::new();
    for own in advertised {
        let Some(name) = Numbered::of(&own.host) else { continue };
        if is_numbered_like(zookeeper, name.number) {
            return Vec::new();
        }
        for step in [1, -1] {
            let Some(host) = name.moved_by(step) else { continue };
            let ports = PORT_STEPS.iter().map(|size| i64::from(own.port).saturating_add(size * step));
            for port in ports.filter_map(|port| u16::try_from(port).ok()).filter(|port| *port != 0) {
                let candidate = HostPort { host: host.clone(), port };
                if !found.contains(&candidate) && !advertised.contains(&candidate) {
                    found.push(candidate);
                }
            }
        }
    }
    found
}

fn is_numbered_like(zookeeper: &ConnectString, number: u32) -> bool {
    let [only] = zookeeper.servers.as_slice() else { return false };
    Numbered::of(&only.host).is_some_and(|name| name.number == number)
}

/// A name with a number at the end of its first part.
struct Numbered<'a> {
    before: &'a str,
    digits: usize,
    number: u32,
    after: &'a str,
}

impl<'a> Numbered<'a> {
    fn of(host: &'a str) -> Option<Self> {
        let first_part = host.split('.').next()?;
        let end = first_part.rfind(|ch: char| ch.is_ascii_digit())? + 1;
        let start = first_part[..end].rfind(|ch: char| !ch.is_ascii_digit())? + 1;
        let is_address = host.parse::<std::net::IpAddr>().is_ok() || first_part.starts_with("ip-");
        let is_container_id = first_part.len() == 12 && first_part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_address || is_container_id {
            return None;
        }
        let number = first_part[start..end].parse().ok().filter(|number| *number < 10_000)?;
        Some(Self { before: &host[..start], digits: end - start, number, after: &host[end..] })
    }

    fn moved_by(&self, step: i64) -> Option<String> {
        let number = u32::try_from(i64::from(self.number) + step).ok()?;
        let padding = if self.digits > 1 && self.has_leading_zero() { self.digits } else { 1 };
        Some(format!("{}{number:0padding$}{}", self.before, self.after))
    }

    fn has_leading_zero(&self) -> bool {
        self.number.to_string().len() < self.digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(host: &str, zookeeper: &str) -> Vec<String> {
        let own = HostPort { host: host.into(), port: 9092 };
        let found = candidates(&[own], &ConnectString::parse(zookeeper).unwrap());
        let mut names: Vec<_> = found.into_iter().map(|candidate| candidate.host).collect();
        names.dedup();
        names
    }

    #[test]
    fn neighbours_have_the_next_number_and_the_one_before() {
        let cases: &[(&str, &[&str])] = &[
            ("kafka1", &["kafka2", "kafka0"]),
            ("broker-1", &["broker-2", "broker-0"]),
            ("kafka-0", &["kafka-1"]),
            ("kafka0", &["kafka1"]),
            ("kafka09", &["kafka10", "kafka08"]),
            ("kafka-2-internal", &["kafka-3-internal", "kafka-1-internal"]),
            ("kafka-0.kafka-headless.ns", &["kafka-1.kafka-headless.ns"]),
            ("kafka", &[]),
            ("localhost", &[]),
            ("10.0.0.1", &[]),
            ("::1", &[]),
            ("ip-10-0-0-1.ec2.internal", &[]),
            ("1f2e3d4c5b6a", &[]),
            ("", &[]),
            ("kafka99999999999", &[]),
        ];
        for (host, expected) in cases {
            assert_eq!(names(host, "zookeeper:2181"), *expected, "{host}");
        }
    }

    #[test]
    fn ports_move_with_the_number() {
        let own = HostPort { host: "kafka-1".into(), port: 19092 };
        let found = candidates(&[own], &ConnectString::parse("zookeeper").unwrap());
        let above: Vec<_> = found.iter().filter(|c| c.host == "kafka-2").map(|c| c.port).collect();
        assert_eq!(above, [19092, 19093, 20092, 29092]);
        let below: Vec<_> = found.iter().filter(|c| c.host == "kafka-0").map(|c| c.port).collect();
        assert_eq!(below, [19092, 19091, 18092, 9092]);
    }

    #[test]
    fn a_zookeeper_of_its_own_means_a_cluster_of_its_own() {
        assert!(names("kafka1", "zookeeper1:2181").is_empty());
        assert_eq!(names("kafka1", "zookeeper-1:2181,zookeeper-2:2181").len(), 2);
        assert_eq!(names("kafka2", "zookeeper1:2181").len(), 2);
    }
}
