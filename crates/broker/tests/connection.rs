//! What a connection takes in, with a broker in this process: many requests at once, and requests without an answer.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed
#![allow(dead_code)] // of the client, which others use more of

mod on_disk;
mod wire;

use std::time::Duration;

use barnabas_common::{Clock, SystemClock};
use barnabas_protocol::ApiKey;
use tempfile::TempDir;

use crate::wire::{Client, batch, frame, produce_request};

const TOPIC: &str = "t";

async fn end_of_log(client: &mut Client) -> i64 {
    client.fetch_within(0, TOPIC, 0, 0).await.high_watermark
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_an_answer_are_all_done_however_many_come_at_once() {
    for durability in ["page-cache", "journal"] {
        let dir = TempDir::new().unwrap();
        let running = on_disk::start(&dir, "connection-test", &[&format!("barnabas.durability={durability}")]).await;
        let mut observer = Client::connect(&running).await;
        assert_eq!(observer.create_topic(TOPIC, 1, &[]).await.error_code, 0);
        let now_ms = SystemClock::default().wall_ms();
        let request = frame(ApiKey::Produce, 9, &produce_request(TOPIC, 0, batch(now_ms, &[b"v"]), 0));
        let mut expected = 0;
        // One that stays, and others that leave as soon as they have sent.
        for count in [300, 700, 2000, 5000] {
            let mut client = Client::connect(&running).await;
            client.send(&request.repeat(count)).await;
            client.send(&request.repeat(count)).await;
            if count > 300 {
                drop(client);
            }
            expected += 2 * i64::try_from(count).unwrap();
            for _ in 0..1000 {
                if end_of_log(&mut observer).await == expected {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(end_of_log(&mut observer).await, expected, "{durability}, {count} at once");
        }
        running.stop().await;
    }
}
