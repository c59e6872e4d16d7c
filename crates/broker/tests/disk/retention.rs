//! Retention in the background: what is not kept goes at the interval that is configured, and its files after their delay.

use std::path::Path;

use barnabas_common::vfs::Vfs;

use crate::support::{Client, Disks, eventually, start};

const CHECK: &str = "log.retention.check.interval.ms=1000";
const SEGMENT: (&str, &str) = ("segment.bytes", "1048576");
const LIMIT: (&str, &str) = ("retention.bytes", "2097152");
const RECORDS: i64 = 20;
/// Of which two are the limit, and one is begun.
const SEGMENTS_KEPT: usize = 4;

fn count(disks: &Disks, topic: &str, ending: &str) -> usize {
    let entries = disks.a.read_dir(Path::new(&format!("/a/{topic}-0"))).unwrap();
    entries.iter().filter(|entry| entry.name.ends_with(ending)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn segments_go_at_the_interval_and_their_files_after_the_delay() {
    let disks = Disks::default();
    let running = start(disks.clone(), &[CHECK]).await;
    let mut client = Client::connect(&running).await;
    let at_once = [SEGMENT, LIMIT, ("file.delete.delay.ms", "0")];
    let later = [SEGMENT, LIMIT, ("file.delete.delay.ms", "3600000")];
    let topics: [(&str, &[_]); 3] = [("gone", &at_once), ("aside", &later), ("kept", &[SEGMENT])];
    for (topic, configs) in topics {
        assert_eq!(client.create_topic(topic, 1, configs).await.error_code, 0);
        for _ in 0..RECORDS {
            assert_eq!(client.produce(topic, 0, &vec![b'x'; 300_000]).await.error_code, 0);
        }
    }
    eventually("only what is kept", async || {
        let is_done = |topic| count(&disks, topic, ".log") <= SEGMENTS_KEPT;
        (is_done("gone") && is_done("aside") && count(&disks, "gone", ".deleted") == 0).then_some(())
    })
    .await;
    assert!(count(&disks, "aside", ".log.deleted") > 0);
    for (topic, has_lost) in [("gone", true), ("aside", true), ("kept", false)] {
        let start = client.fetch(topic, 0, RECORDS).await.log_start_offset;
        assert_eq!(start > 0, has_lost, "{topic} begins at {start}");
        assert_eq!(client.read_to_end(topic, 0, start).await, RECORDS);
    }
    running.stop().await;
}
