//! Every kind of file, damaged in every way, while the log was closed: the log then gives the same answers as before,
//! or says what is wrong. It never serves a batch with a wrong CRC.

use std::path::{Path, PathBuf};

use barnabas_common::vfs::{MemVfs, OpenMode, Vfs};
use barnabas_log::{EpochEntry, Log, LogConfig, LogError, OpenOptions, ProducerStateView, ReadError};
use bytes::Bytes;

use crate::support::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Damage {
    Missing,
    Empty,
    Half,
    OneByteLess,
    /// Half of the entries, where the file has entries.
    HalfOfEntries,
    Garbage,
    GarbageTail,
    ZeroTail,
    Zeros,
    BitFlip(u64),
}

const DAMAGES: [Damage; 15] = [
    Damage::Missing,
    Damage::Empty,
    Damage::Half,
    Damage::OneByteLess,
    Damage::HalfOfEntries,
    Damage::Garbage,
    Damage::GarbageTail,
    Damage::ZeroTail,
    Damage::Zeros,
    Damage::BitFlip(0),
    Damage::BitFlip(1),
    Damage::BitFlip(50),
    Damage::BitFlip(75),
    Damage::BitFlip(98),
    Damage::BitFlip(100),
];

impl Damage {
    fn apply(self, vfs: &MemVfs, path: &Path) {
        if self == Self::Missing {
            return vfs.remove_file(path).unwrap();
        }
        let mut random = Random(7);
        vfs.damage(path, |bytes| match self {
            Self::Missing => {}
            Self::Empty => bytes.clear(),
            Self::Half => bytes.truncate(bytes.len() / 2),
            Self::OneByteLess => bytes.truncate(bytes.len().saturating_sub(1)),
            Self::HalfOfEntries => bytes.truncate(bytes.len() / 2 / 24 * 24),
            Self::Garbage => bytes.iter_mut().for_each(|b| *b = random.below(256) as u8),
            Self::GarbageTail => bytes.extend((0..100).map(|_| random.below(256) as u8)),
            Self::ZeroTail => bytes.extend([0; 1200]),
            Self::Zeros => bytes.fill(0),
            Self::BitFlip(percent) => {
                let at = (bytes.len() as u64 * percent / 100).min(bytes.len() as u64 - 1) as usize;
                bytes[at] ^= 0x10;
            }
        })
        .unwrap();
    }
}

/// All that a log can be asked.
#[derive(Debug, PartialEq)]
struct Answers {
    batches: Vec<Bytes>,
    times: Vec<Option<(i64, i64)>>,
    latest: Option<(i64, i64)>,
    epochs: Vec<EpochEntry>,
    producers: Vec<ProducerStateView>,
    duplicate_at: Option<i64>,
}

fn ask(log: &mut Log, duplicate: &(i64, i32)) -> Result<Answers, ReadError> {
    let found = |f: Option<barnabas_log::TimestampOffset>| f.map(|f| (f.offset, f.timestamp));
    let times = (0..=15).map(|i| Ok(found(log.offset_for_timestamp(NOW_MS + i * 37).find()?)));
    let times = times.collect::<Result<_, ReadError>>()?;
    let batches = read_all(log)?;
    let latest = found(log.max_timestamp().find()?);
    let (epochs, producers) = (log.epochs().to_vec(), log.active_producers());
    let again = append(log, producer_batch(duplicate.0, 0, duplicate.1, 2));
    let duplicate_at = again.ok().filter(|info| info.duplicate).map(|info| info.first_offset);
    Ok(Answers { batches, times, latest, epochs, producers, duplicate_at })
}

fn show(answers: &Answers) -> String {
    let Answers { batches, times, latest, epochs, producers, duplicate_at } = answers;
    let count = batches.len();
    format!("{count} batches, {times:?}, latest {latest:?}, {epochs:?}, {producers:?}, duplicate at {duplicate_at:?}")
}

struct Scene {
    vfs: MemVfs,
    config: LogConfig,
    /// Up to where the log is on disk, as the checkpoint has it.
    recovery_point: i64,
    end: i64,
    expected: Answers,
    duplicate: (i64, i32),
}

/// Several segments, epochs and producers; `value_bytes` decides whether the log is checked in full at open.
fn scene(config: LogConfig, batches: i64, value_bytes: usize, is_clean: bool) -> Scene {
    let vfs = MemVfs::new();
    let mut log = open(&vfs, &config);
    for i in 0..batches {
        let builder = builder().producer(i % 3, 0, (i / 3 * 2) as i32);
        let mut batch = fill(builder, 2, NOW_MS + i * 10, value_bytes);
        log.append_as_leader(&mut batch, (i / 8) as i32, NOW_MS, barnabas_log::AppendOrigin::Client).unwrap();
    }
    for i in 0..3 {
        append(&mut log, producer_batch(9, 0, i * 2, 2)).unwrap();
    }
    // In the middle of the window: only a broker that remembers more than the last batch knows it.
    let duplicate = (9, 2);
    let expected = ask(&mut log, &duplicate).unwrap();
    assert!(expected.duplicate_at.is_some() && log.segments_info().len() >= 3);
    if is_clean {
        log.close().unwrap();
    } else {
        log.tick(NOW_MS).unwrap();
        let plan = log.plan_flush_of_closed().unwrap();
        log.flushed(plan.run()).unwrap();
    }
    Scene { vfs, config, recovery_point: log.recovery_point(), end: log.log_end_offset(), expected, duplicate }
}

impl Scene {
    fn files(&self) -> Vec<PathBuf> {
        self.vfs.read_dir(&dir()).unwrap().into_iter().map(|e| dir().join(e.name)).collect()
    }

    fn options(&self, is_clean: bool) -> OpenOptions {
        OpenOptions {
            clean_shutdown: is_clean,
            recovery_point: self.recovery_point,
            log_start_offset: 0,
            trusts_small_logs: false,
        }
    }

    /// Opens a damaged copy and asks.
    fn outcome(&self, path: &Path, damage: Damage, is_clean: bool) -> Outcome {
        let vfs = self.vfs.kill_clone();
        damage.apply(&vfs, path);
        let mut log = match try_open(&vfs, &self.config, self.options(is_clean)) {
            Ok(log) => log,
            Err(LogError::Corrupt(corruption)) => {
                assert!(!corruption.how_to_fix.is_empty());
                return Outcome::Offline;
            }
            Err(other) => panic!("{damage:?} of {}: {other}", path.display()),
        };
        match ask(&mut log, &self.duplicate) {
            Ok(answers) if answers == self.expected => Outcome::Same,
            Ok(answers)
                if self.expected.batches.starts_with(&answers.batches) && answers.batches != self.expected.batches =>
            {
                Outcome::Cut
            }
            Ok(answers) => {
                panic!("{damage:?} of {}: {} instead of {}", path.display(), show(&answers), show(&self.expected))
            }
            Err(ReadError::Corrupt(_)) => Outcome::Offline,
            Err(other) => panic!("{damage:?} of {}: {other}", path.display()),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Same,
    Cut,
    Offline,
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "log")
}

/// Damages every file of a scene in every way.
fn run(scene: &Scene, is_clean: bool) {
    let files = scene.files();
    let active = files.iter().rfind(|f| is_log(f)).unwrap().clone();
    assert!(files.len() >= 10);
    for path in &files {
        let is_empty = scene.vfs.read(path).unwrap().is_empty();
        for damage in DAMAGES.into_iter().filter(|d| !is_empty || !matches!(d, Damage::BitFlip(_))) {
            let outcome = scene.outcome(path, damage, is_clean);
            let adds = matches!(damage, Damage::ZeroTail | Damage::GarbageTail);
            let fits = match outcome {
                Outcome::Same => !is_log(path) || adds,
                Outcome::Offline => is_log(path) && !adds,
                // Without a checkpoint nobody knows that there was more.
                Outcome::Cut => *path == active && !is_clean,
            };
            assert!(fits, "{damage:?} of {}: {outcome:?}", path.display());
        }
    }
}

#[test]
fn after_a_clean_stop() {
    run(&scene(small_segments(), 40, 20, true), true);
}

#[test]
fn after_a_kill() {
    let scene = scene(small_segments(), 40, 20, false);
    run(&scene, false);
}

#[test]
fn what_follows_a_tear_that_was_not_on_disk_is_set_aside() {
    let scene = scene(small_segments(), 40, 20, false);
    let second = scene.files().into_iter().filter(|file| is_log(file)).nth(1).unwrap();
    for damage in DAMAGES.into_iter().filter(|damage| !matches!(damage, Damage::ZeroTail | Damage::GarbageTail)) {
        let vfs = scene.vfs.kill_clone();
        damage.apply(&vfs, &second);
        let log = match try_open(&vfs, &scene.config, OpenOptions::default()) {
            Ok(log) => log,
            // A log file that is gone beside its index was deleted by somebody.
            Err(LogError::Corrupt(_)) if !vfs.exists(&second) => continue,
            Err(other) => panic!("{damage:?}: {other}"),
        };
        let left = read_all(&log).unwrap();
        assert!(!left.is_empty() && scene.expected.batches.starts_with(&left), "{damage:?}");
        assert!(vfs.read_dir(&dir()).unwrap().iter().any(|entry| entry.name.ends_with(".log.torn")), "{damage:?}");
        drop(log);
        let again = try_open(&vfs, &scene.config, OpenOptions::default()).unwrap();
        assert_eq!(read_all(&again).unwrap(), left, "{damage:?}");
    }
}

#[test]
fn what_was_set_aside_is_not_replaced_by_what_a_later_tear_sets_aside() {
    let vfs = MemVfs::new();
    let set_aside = || vfs.read_dir(&dir()).unwrap().iter().filter(|entry| entry.name.contains(".log.torn")).count();
    let mut expected = 0;
    for _ in 0..3 {
        let mut log = open(&vfs, &small_segments());
        assert_eq!(set_aside(), expected);
        for _ in 0..40 {
            append(&mut log, batch(1)).unwrap();
        }
        let segments = log.segments_info();
        assert!(segments.len() > 2 && segments[0].base_offset == 0);
        expected += segments.len() - 1;
        vfs.damage(&dir().join("00000000000000000000.log"), |bytes| bytes.clear()).unwrap();
    }
}

#[test]
fn what_was_cut_off_does_not_come_back_after_a_power_loss() {
    let config = LogConfig::default();
    let vfs = MemVfs::new();
    let mut log = open(&vfs, &config);
    for _ in 0..3 {
        append(&mut log, batch(1)).unwrap();
    }
    log.flush().unwrap();
    let size = log.size_bytes() as usize / 3;
    drop(log);
    vfs.damage(&dir().join("00000000000000000000.log"), |bytes| bytes[size + 70] ^= 1).unwrap();
    let mut log = try_open(&vfs, &config, OpenOptions { recovery_point: 1, ..OpenOptions::default() }).unwrap();
    assert_eq!(log.log_end_offset(), 1);
    for _ in 0..2 {
        append(&mut log, sized_batch(1, NOW_MS + 1, 20)).unwrap();
    }
    let written = read_all(&log).unwrap();
    for seed in 0..200 {
        let left = open(&vfs.crash_clone(seed), &config);
        assert!(written.starts_with(&read_all(&left).unwrap()), "seed {seed}");
    }
}

#[test]
fn of_a_log_too_large_to_be_read_at_open() {
    let config = LogConfig { segment_bytes: 2 << 20, index_interval_bytes: 4096, ..LogConfig::default() };
    run(&scene(config, 50, 100_000, true), true);
}

#[test]
fn leftovers_of_deletions_and_cleaners_are_removed() {
    let scene = scene(small_segments(), 40, 20, true);
    for name in
        ["00000000000000000000.log.deleted", "00000000000000000000.index.cleaned", "00000000000000000001.timeindex"]
    {
        scene.vfs.open(&dir().join(name), OpenMode::CREATE).unwrap();
    }
    let before = scene.files().len();
    let mut log = try_open(&scene.vfs, &scene.config, scene.options(true)).unwrap();
    assert_eq!(ask(&mut log, &scene.duplicate).unwrap(), scene.expected);
    assert!(scene.files().len() <= before - 3);
}

#[test]
fn a_torn_tail_below_the_recovery_point_is_not_cut_silently() {
    let scene = scene(small_segments(), 40, 20, false);
    let vfs = scene.vfs.kill_clone();
    let active = scene.files().into_iter().rfind(|f| is_log(f)).unwrap();
    Damage::OneByteLess.apply(&vfs, &active);
    let options = OpenOptions { recovery_point: scene.end, ..OpenOptions::default() };
    let Err(LogError::Corrupt(corruption)) = try_open(&vfs, &scene.config, options) else { panic!("must not open") };
    assert!(corruption.how_to_fix.contains("truncate -s"), "{corruption}");
    // Following the advice helps.
    vfs.damage(&active, |bytes| bytes.truncate(corruption.position as usize)).unwrap();
    try_open(&vfs, &scene.config, OpenOptions::default()).unwrap();
}

#[test]
fn a_folder_of_another_topic_id_is_not_opened() {
    let vfs = MemVfs::new();
    let mut ids = [barnabas_common::Uuid::random(), barnabas_common::Uuid::random()].into_iter();
    let open = |id| {
        let partition = barnabas_common::TopicPartition::new("t", 0);
        let vfs = std::sync::Arc::new(vfs.clone());
        Log::open(vfs, dir(), partition, id, LogConfig::default(), OpenOptions::default(), NOW_MS)
    };
    let first = ids.next();
    open(first).unwrap();
    assert_eq!(open(None).unwrap().topic_id(), first);
    assert!(matches!(open(ids.next()), Err(LogError::Offline(_))));
}
