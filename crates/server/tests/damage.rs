//! Files damaged while the broker was down, after a clean stop and after kill -9. Nothing with a wrong CRC is ever
//! served and no record vanishes silently; a partition that cannot be repaired answers KAFKA_STORAGE_ERROR, and all
//! others serve in full.

#![allow(clippy::unwrap_used)] // A failing unwrap is a failing test.

mod common;

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use common::random::Random;
use common::{Client, DataDir, Launch, Server, records};

const STORAGE_ERROR: i16 = 56;
const PARTITIONS: i32 = 3;
/// Most tests damage this one; the others are innocent.
const VICTIM: i32 = 1;

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Stop,
    Kill,
}

const BOTH_ENDS: [End; 2] = [End::Stop, End::Kill];

/// How large the logs are: small ones are checked in full at the start, large ones as they are read.
#[derive(Clone, Copy)]
struct Size {
    batches: i64,
    batch_bytes: usize,
}

const SMALL: Size = Size { batches: 30, batch_bytes: 100_000 };
const LARGE: Size = Size { batches: 24, batch_bytes: 500_000 };

/// A folder with three partitions of several segments each, and no process on it.
fn filled(end: End, size: Size) -> DataDir {
    let data = DataDir::new();
    let server = Launch::on(&data).start();
    let mut client = server.connect();
    client.create_topic("t", PARTITIONS, &[("segment.bytes", "1048576")]);
    let value = "x".repeat(size.batch_bytes);
    for partition in 0..PARTITIONS {
        for offset in 0..size.batches {
            assert_eq!(client.produce("t", partition, &records::batch(&[&value])).base_offset, offset);
        }
    }
    drop(client);
    match end {
        End::Stop => assert!(server.stop().0.success()),
        End::Kill => {
            wait_for_checkpoint_of_closed_segments(&data);
            server.kill();
        }
    }
    data
}

/// Closed segments are brought to disk a moment after they were closed. Before, damage to them is taken for what a power
/// loss leaves.
fn wait_for_checkpoint_of_closed_segments(data: &DataDir) {
    let began = Instant::now();
    while !(0..PARTITIONS).all(|partition| recovery_point(data, partition) >= last_base_offset(data, partition)) {
        assert!(began.elapsed() < Duration::from_secs(20), "closed segments are not on disk after 20 s");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn last_base_offset(data: &DataDir, partition: i32) -> i64 {
    let file = data.files(&format!("t-{partition}"), ".log").pop().unwrap();
    file.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

/// As the checkpoint has it; -1 if it has none.
fn recovery_point(data: &DataDir, partition: i32) -> i64 {
    let text = fs::read_to_string(data.path().join("recovery-point-offset-checkpoint")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("t {partition} ")).map(str::to_owned));
    line.map_or(-1, |offset| offset.parse().unwrap())
}

/// Everything a partition serves, from its start to where it ends or fails.
fn read_all(client: &mut Client, partition: i32) -> Result<i64, (i64, i16)> {
    let mut next = 0;
    loop {
        let fetched = client.fetch("t", partition, next);
        if fetched.error_code != 0 {
            return Err((next, fetched.error_code));
        }
        if next == fetched.high_watermark {
            return Ok(next);
        }
        let batches = records::offsets(&fetched.records.unwrap());
        assert!(!batches.is_empty(), "nothing at {next} below the high watermark {}", fetched.high_watermark);
        for (first, last) in batches {
            assert!(first <= next && next <= last, "offset {next} of partition {partition} was skipped");
            next = last + 1;
        }
    }
}

fn assert_others_in_full(server: &Server, size: Size) {
    let mut client = server.connect();
    for partition in (0..PARTITIONS).filter(|partition| *partition != VICTIM) {
        assert_eq!(read_all(&mut client, partition), Ok(size.batches), "partition {partition}");
        assert_eq!(client.produce("t", partition, &records::batch(&["more"])).base_offset, size.batches);
    }
    server.assert_unharmed();
}

/// The broker refuses the partition, at once or at the damage, and says so in the log with the file.
fn assert_refused(server: &Server, file: &Path) {
    let mut client = server.connect();
    let Err((_, error)) = read_all(&mut client, VICTIM) else { panic!("damage was not noticed") };
    assert_eq!(error, STORAGE_ERROR);
    assert_eq!(client.produce("t", VICTIM, &records::batch(&["more"])).error_code, STORAGE_ERROR);
    assert!(!server.wait_for_log(&["ERROR", "t-1", file.to_str().unwrap()]).is_empty());
}

fn flip(file: &Path, at: u64) {
    let mut file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte[0] ^ 0x10]).unwrap();
}

fn cut(file: &Path, by: u64) {
    let file = OpenOptions::new().write(true).open(file).unwrap();
    let len = file.metadata().unwrap().len();
    file.set_len(len - by).unwrap();
}

fn append(file: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(file).unwrap().write_all(bytes).unwrap();
}

fn segments(data: &DataDir) -> Vec<std::path::PathBuf> {
    let segments = data.files("t-1", ".log");
    assert!(segments.len() >= 3, "{segments:?}");
    segments
}

fn middle_of_a_closed_segment_is_flipped(end: End, size: Size) {
    let data = filled(end, size);
    let file = &segments(&data)[1];
    flip(file, fs::metadata(file).unwrap().len() / 2);
    let server = Launch::on(&data).start();
    assert_others_in_full(&server, size);
    assert_refused(&server, file);
}

#[test]
fn a_flipped_byte_in_a_small_log_is_never_served() {
    BOTH_ENDS.into_iter().for_each(|end| middle_of_a_closed_segment_is_flipped(end, SMALL));
}

#[test]
fn a_flipped_byte_in_a_large_log_is_never_served() {
    BOTH_ENDS.into_iter().for_each(|end| middle_of_a_closed_segment_is_flipped(end, LARGE));
}

#[test]
fn a_batch_length_below_the_header_does_not_end_the_broker() {
    for end in BOTH_ENDS {
        let data = filled(end, SMALL);
        let file = &segments(&data)[1];
        let mut handle = OpenOptions::new().write(true).open(file).unwrap();
        handle.seek(SeekFrom::Start(8)).unwrap();
        handle.write_all(&7i32.to_be_bytes()).unwrap();
        let server = Launch::on(&data).start();
        assert_others_in_full(&server, SMALL);
        assert_refused(&server, file);
    }
}

#[test]
fn a_closed_segment_that_is_cut_or_gone_is_no_silent_gap() {
    for (end, size) in [(End::Stop, SMALL), (End::Kill, SMALL), (End::Stop, LARGE)] {
        let data = filled(end, size);
        cut(&segments(&data)[1], 5000);
        let server = Launch::on(&data).start();
        assert_others_in_full(&server, size);
        assert_refused(&server, &segments(&data)[1]);
        drop(server);

        let data = filled(end, size);
        let file = segments(&data)[1].clone();
        fs::remove_file(&file).unwrap();
        let server = Launch::on(&data).start();
        assert_others_in_full(&server, size);
        let Err((_, error)) = read_all(&mut server.connect(), VICTIM) else { panic!("the gap was not noticed") };
        assert_eq!(error, STORAGE_ERROR);
    }
}

#[test]
fn the_tail_that_was_synced_by_a_clean_stop_is_not_given_up() {
    let data = filled(End::Stop, SMALL);
    let file = segments(&data).pop().unwrap();
    cut(&file, 500);
    let server = Launch::on(&data).start();
    assert_others_in_full(&server, SMALL);
    assert_refused(&server, &file);
}

#[test]
fn what_a_crash_leaves_at_the_end_is_cut_off() {
    let half = &records::batch(&["never acknowledged"])[..40];
    let mut damaged = records::batch(&["damaged"]);
    damaged[70] ^= 1;
    damaged[..8].copy_from_slice(&SMALL.batches.to_be_bytes());
    for tail in [half, &[0; 5000], &[0xff; 300], &damaged] {
        for end in BOTH_ENDS {
            let data = filled(end, SMALL);
            append(&segments(&data).pop().unwrap(), tail);
            let server = Launch::on(&data).start();
            let mut client = server.connect();
            assert_eq!(read_all(&mut client, VICTIM), Ok(SMALL.batches), "{end:?}");
            assert_eq!(client.produce("t", VICTIM, &records::batch(&["next"])).base_offset, SMALL.batches);
            assert_eq!(read_all(&mut client, VICTIM), Ok(SMALL.batches + 1));
            assert_others_in_full(&server, SMALL);
        }
    }
}

/// What can be rebuilt is: with each of these files gone, empty, or garbage of the same size.
#[test]
fn helper_files_are_rebuilt_or_done_without() {
    for end in BOTH_ENDS {
        for (number, ending) in [".index", ".timeindex", ".snapshot", "leader-epoch-checkpoint"].into_iter().enumerate()
        {
            let data = filled(end, SMALL);
            let mut random = Random::new(number as u64);
            for (nth, file) in data.files("t-1", ending).iter().enumerate() {
                let garbage: Vec<u8> = fs::read(file).unwrap().iter().map(|_| random.next() as u8).collect();
                match nth % 3 {
                    0 => fs::write(file, &garbage).unwrap(),
                    1 => fs::write(file, "").unwrap(),
                    _ => fs::remove_file(file).unwrap(),
                }
            }
            let server = Launch::on(&data).start();
            let mut client = server.connect();
            assert_eq!(read_all(&mut client, VICTIM), Ok(SMALL.batches), "{ending} {end:?}");
            for offset in [0, 5, 11, 17, 29] {
                let fetched = client.fetch("t", VICTIM, offset);
                let first = records::offsets(&fetched.records.unwrap())[0];
                assert_eq!(first, (offset, offset), "{ending} {end:?}");
            }
            assert_others_in_full(&server, SMALL);
        }
    }
}

#[test]
fn a_missing_or_damaged_snapshot_does_not_lose_deduplication() {
    for end in BOTH_ENDS {
        for damage in [None, Some(&b""[..]), Some(b"garbage of some length that is no snapshot")] {
            let data = DataDir::new();
            let server = Launch::on(&data).start();
            let mut client = server.connect();
            client.create_topic("t", 2, &[]);
            let producer = client.init_producer_id();
            for sequence in 0..6 {
                let batch = records::sequenced(producer, sequence, &["v"]);
                assert_eq!(client.produce("t", VICTIM, &batch).base_offset, i64::from(sequence));
            }
            if end == End::Stop {
                server.stop();
            } else {
                server.kill()
            }
            for file in data.files("t-1", ".snapshot") {
                damage.map_or_else(|| fs::remove_file(&file), |bytes| fs::write(&file, bytes)).unwrap();
            }
            let server = Launch::on(&data).start();
            let mut client = server.connect();
            let batch = records::sequenced(producer, 3, &["v"]);
            let answer = client.produce("t", VICTIM, &batch);
            assert_eq!((answer.error_code, answer.base_offset), (0, 3), "{end:?} {damage:?}");
            let answer = client.produce("t", VICTIM, &records::sequenced(producer, 8, &["v"]));
            assert_eq!(answer.error_code, 45, "{end:?} {damage:?}");
        }
    }
}

#[test]
fn checkpoints_of_the_folder_may_be_gone_or_garbage() {
    let names = ["recovery-point-offset-checkpoint", "log-start-offset-checkpoint", "replication-offset-checkpoint"];
    for end in BOTH_ENDS {
        for damage in [None, Some(&b""[..]), Some(b"0\n9\nt 1"), Some(b"\xff\xfe\x00garbage")] {
            let data = filled(end, SMALL);
            for name in names {
                let path = data.path().join(name);
                match damage {
                    Some(bytes) => fs::write(path, bytes).unwrap(),
                    None => drop(fs::remove_file(path)),
                }
            }
            let server = Launch::on(&data).start();
            assert_eq!(read_all(&mut server.connect(), VICTIM), Ok(SMALL.batches), "{end:?} {damage:?}");
            assert_others_in_full(&server, SMALL);
        }
    }
}

#[test]
fn a_partition_s_folder_that_is_gone_is_not_taken_for_an_empty_one() {
    let data = filled(End::Stop, SMALL);
    fs::remove_dir_all(data.path().join("t-1")).unwrap();
    // Refused by every start, not only by the first, which writes the checkpoints of the folder anew.
    for start in 0..3 {
        let server = Launch::on(&data).start();
        if start == 0 {
            assert_others_in_full(&server, SMALL);
        }
        let Err((_, error)) = read_all(&mut server.connect(), VICTIM) else { panic!("30 records vanished silently") };
        assert_eq!(error, STORAGE_ERROR);
        server.stop();
    }
}

/// What lies between the first and the last batch of an answer goes from the file to the socket unseen, if this process has
/// written or checked it: there, clients check CRCs.
#[test]
fn a_batch_that_changes_under_a_running_broker_does_not_begin_an_answer() {
    let data = DataDir::new();
    let server = Launch::on(&data).start();
    let mut client = server.connect();
    client.create_topic("t", PARTITIONS, &[("segment.bytes", "1048576")]);
    let value = "x".repeat(100_000);
    for partition in 0..PARTITIONS {
        (0..30).for_each(|_| assert_eq!(client.produce("t", partition, &records::batch(&[&value])).error_code, 0));
    }
    let last_byte_of_base_offset = 7;
    flip(&segments(&data)[1], last_byte_of_base_offset);
    let first_of_second = 10;
    assert_eq!(read_all(&mut client, VICTIM), Err((first_of_second, STORAGE_ERROR)));
    assert_others_in_full(&server, SMALL);
}
