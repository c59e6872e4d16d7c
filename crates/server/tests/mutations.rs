//! Every served request in every version, broken at random and with counts that promise 2^31-1 elements. The
//! answers must be whole messages; what happens otherwise is in `wire.rs`.

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::thread;
use std::time::Duration;

use barnabas_protocol::{ApiKey, SERVED_APIS};
use common::random::{Random, valid_body};
use common::{Client, Server, request_frame};

const THREADS: usize = 4;
const RANDOM_CHANGES: usize = 20;
/// Requests that only wait (JoinGroup, Fetch) are not waited for.
const PATIENCE: Duration = Duration::from_millis(40);
const CORRELATION_ID: i32 = 77;

fn every_version() -> Vec<(ApiKey, i16)> {
    let versions = |api: &ApiKey| {
        let api = *api;
        (api.first_decodable_version()..=api.versions().last).map(move |version| (api, version))
    };
    SERVED_APIS.iter().flat_map(versions).collect()
}

/// Sends one request on a connection of its own and looks at what comes back, if anything.
fn try_body(server: &Server, api: ApiKey, version: i16, body: &[u8]) -> Option<Vec<u8>> {
    let mut client = server.connect();
    client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let is_flexible = api.request_is_flexible(version);
    let frame = request_frame(api.code(), version, CORRELATION_ID, Some("hostile"), is_flexible, body);
    client.send_bytes(&frame);
    match client.receive() {
        Ok(answer) => Some(answer.to_vec()),
        Err(error) => {
            let expected =
                [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::WouldBlock, ErrorKind::TimedOut];
            assert!(expected.contains(&error.kind()), "{error}");
            None
        }
    }
}

fn assert_whole(api: ApiKey, version: i16, answer: &[u8]) {
    assert_eq!(answer[..4], CORRELATION_ID.to_be_bytes(), "{api:?} version {version}");
    let header = if api != ApiKey::ApiVersions && api.response_is_flexible(version) { 5 } else { 4 };
    let body = answer[header..].to_vec();
    let steps_down = api == ApiKey::ApiVersions && answer[4..6] == 35i16.to_be_bytes();
    let version = if steps_down { 0 } else { version };
    if let Err(error) = api.rewrite_response(version, body.into()) {
        panic!("the answer to {api:?} version {version} is broken: {error}");
    }
}

fn hit(server: &Server, api: ApiKey, version: i16, body: &[u8]) {
    if let Some(answer) = try_body(server, api, version, body) {
        assert_whole(api, version, &answer);
    }
}

fn on_all_threads(work: impl Fn(ApiKey, i16) + Sync) {
    let all = every_version();
    thread::scope(|scope| {
        for share in 0..THREADS {
            let (all, work) = (&all, &work);
            scope
                .spawn(move || all.iter().skip(share).step_by(THREADS).for_each(|(api, version)| work(*api, *version)));
        }
    });
}

#[test]
fn requests_with_random_changes_harm_nobody() {
    let server = Server::start();
    on_all_threads(|api, version| {
        let mut random = Random::new(1000 * api.code() as u64 + version as u64);
        let valid = valid_body(api, version, &mut random);
        hit(&server, api, version, &valid);
        for _ in 0..RANDOM_CHANGES {
            let mut changed = valid.to_vec();
            for _ in 0..=random.below(3) {
                if changed.is_empty() {
                    break;
                }
                let at = random.below(changed.len());
                match random.below(3) {
                    0 => changed[at] = random.next() as u8,
                    1 => changed.truncate(at),
                    _ => changed.insert(at, random.pick(&[0, 1, 2, 0x7f, 0x80, 0xff])),
                }
            }
            hit(&server, api, version, &changed);
        }
    });
    server.assert_unharmed();
    assert!(server.peak_rss_mib() < 256, "{} MiB", server.peak_rss_mib());
}

#[test]
fn counts_that_promise_everything_allocate_nothing() {
    let server = Server::start();
    on_all_threads(|api, version| {
        let mut random = Random::new(7);
        let valid = valid_body(api, version, &mut random);
        let is_flexible = api.request_is_flexible(version);
        // 2^31-1 as a count of each kind, wherever a small number stands that may be one.
        let huge: &[u8] = if is_flexible { &[0x80, 0x80, 0x80, 0x80, 0x08] } else { &[0x7f, 0xff, 0xff, 0xff] };
        let places: Vec<_> = (0..valid.len()).filter(|at| valid[*at] < 4).take(24).collect();
        for at in places {
            let body = match is_flexible {
                true => [&valid[..at], huge, &valid[at + 1..]].concat(),
                false => [&valid[..at], huge, &valid[(at + 4).min(valid.len())..]].concat(),
            };
            hit(&server, api, version, &body);
        }
        hit(&server, api, version, &huge.repeat(20));
    });
    server.assert_unharmed();
    assert!(server.peak_rss_mib() < 256, "{} MiB", server.peak_rss_mib());
}

#[test]
fn bytes_at_random_harm_nobody() {
    let server = Server::start();
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let mut client: Client = server.connect();
        client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let noise: Vec<u8> = (0..random.below(5000)).map(|_| random.next() as u8).collect();
        // Half of them at least look like a frame.
        let size = i32::try_from(noise.len()).unwrap().to_be_bytes();
        let head: &[u8] = if seed % 2 == 0 { &size } else { &[] };
        let _ = client.stream.write_all(&[head, &noise].concat());
        let _ = client.stream.read(&mut [0; 64]);
    }
    server.assert_unharmed();
}
