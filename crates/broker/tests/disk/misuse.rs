//! What an operator does by mistake must not cost data: dynamic settings with which a start would be refused, and metadata
//! that was removed.

use std::path::Path;

use barnabas_common::vfs::Vfs;

use crate::support::{Client, Disks, start, try_start};

const INVALID_REQUEST: i16 = 42;

async fn refused(client: &mut Client, broker: &str, name: &str, value: &str, why: &str) {
    let (error, message) = client.alter_broker(broker, name, value).await;
    assert_eq!(error, INVALID_REQUEST, "{name}={value}: {message}");
    assert!(message.contains(why), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dynamic_settings_are_judged_as_at_the_start_on_top_of_all_others() {
    let running = start(Disks::default(), &["background.threads=8"]).await;
    let mut client = Client::connect(&running).await;
    refused(&mut client, "", "log.retention.ms", "0", "log.retention.ms is 0").await;
    refused(&mut client, "7", "log.retention.ms", "0", "log.retention.ms is 0").await;
    refused(&mut client, "", "log.cleaner.dedupe.buffer.size", "1", "1048576").await;
    refused(&mut client, "", "cordoned.log.dirs", "/a", "single broker").await;
    refused(&mut client, "7", "cordoned.log.dirs", "/nowhere", "not in log.dirs").await;
    refused(&mut client, "7", "cordoned.log.dirs", "/a", "not served yet").await;
    refused(&mut client, "", "background.threads", "17", "current value 8").await;
    // What is set for all holds when one broker is judged.
    assert_eq!(client.alter_broker("", "background.threads", "16").await.0, 0);
    assert_eq!(client.alter_broker("7", "background.threads", "32").await.0, 0);
    assert_eq!(client.alter_broker("", "log.retention.ms", "5000").await.0, 0);
    refused(&mut client, "7", "log.local.retention.ms", "5001", "log.retention.ms (5000)").await;
    running.stop().await;
    let started = try_start(Disks::default(), &["cordoned.log.dirs=/a"]).await;
    assert!(started.err().unwrap().to_string().contains("not served yet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_without_metadata_are_left_alone() {
    let disks = Disks::default();
    let running = start(disks.clone(), &[]).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(client.create_topic("t", 2, &[]).await.error_code, 0);
    assert_eq!(client.produce("t", 0, b"value").await.error_code, 0);
    running.stop().await;
    let metadata = Path::new("/a/__cluster_metadata-0");
    let kept = disks.kill_clone();
    disks.a.remove_dir_all(metadata).unwrap();
    for emptied in [false, true] {
        if emptied {
            disks.a.create_dir_all(metadata).unwrap();
        }
        let error = try_start(disks.clone(), &[]).await.err().expect("a refusal").to_string();
        assert!(error.contains("/a/__cluster_metadata-0") && error.contains("t-0"), "{error}");
        assert!(disks.a.exists(Path::new("/a/t-0")));
    }
    let running = start(kept, &[]).await;
    assert_eq!(Client::connect(&running).await.read_to_end("t", 0, 0).await, 1);
    running.stop().await;
}
