//! What operators, Prometheus and orchestrators get from the HTTP listener.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use barnabas_console::Source;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Default)]
struct Broker {
    is_ready: AtomicBool,
    is_broken: AtomicBool,
}

impl Source for Broker {
    fn metrics(&self) -> String {
        assert!(!self.is_broken.load(Ordering::Relaxed), "made to fail");
        "# TYPE kafka_brokers gauge\nkafka_brokers 1\n".to_owned()
    }

    fn not_ready(&self) -> Option<String> {
        (!self.is_ready.load(Ordering::Relaxed)).then(|| "consumer groups are not loaded".to_owned())
    }
}

async fn served() -> (SocketAddr, Arc<Broker>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let broker = Arc::new(Broker::default());
    tokio::spawn(barnabas_console::serve(listener, Arc::<Broker>::clone(&broker)));
    (address, broker)
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

async fn get(address: SocketAddr, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

#[tokio::test]
async fn metrics_come_in_the_format_that_prometheus_asks_for() {
    let (address, _) = served().await;
    let answer = get(address, "/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{}", answer.head);
    assert_eq!(answer.body, "# TYPE kafka_brokers gauge\nkafka_brokers 1\n");
}

#[tokio::test]
async fn ready_is_said_only_while_it_is_true() {
    let (address, broker) = served().await;
    for path in ["/readyz", "/v1/status/ready"] {
        broker.is_ready.store(false, Ordering::Relaxed);
        let answer = get(address, path).await;
        assert_eq!((answer.status, &*answer.body), (503, "not ready: consumer groups are not loaded\n"), "{path}");
        broker.is_ready.store(true, Ordering::Relaxed);
        let answer = get(address, path).await;
        assert_eq!((answer.status, &*answer.body), (200, "ready\n"), "{path}");
    }
}

#[tokio::test]
async fn the_process_lives_before_it_is_ready() {
    let (address, _) = served().await;
    for path in ["/healthz", "/livez"] {
        let answer = get(address, path).await;
        assert_eq!((answer.status, &*answer.body), (200, "ok\n"), "{path}");
    }
}

#[tokio::test]
async fn metrics_that_fail_are_an_error_and_not_the_end() {
    let (address, broker) = served().await;
    broker.is_broken.store(true, Ordering::Relaxed);
    assert_eq!(get(address, "/metrics").await.status, 500);
    broker.is_broken.store(false, Ordering::Relaxed);
    assert_eq!(get(address, "/metrics").await.status, 200);
}

#[tokio::test]
async fn nothing_else_is_served() {
    let (address, _) = served().await;
    assert_eq!(get(address, "/").await.status, 404);
    assert_eq!(get(address, "/metrics/../../etc/passwd").await.status, 404);
}
