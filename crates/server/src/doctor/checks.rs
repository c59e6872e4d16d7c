//! Judges everything that is not about one kind of client: configuration, data folders, clock, limits, and what running
//! brokers say. Pure.

use super::facts::{Asked, DirFacts, Facts, Finding, NoAnswer, Reach, ToldBroker, ToldLogDir};

const MIB: u64 = 1 << 20;
const GIB: f64 = (1u64 << 30) as f64;
/// Below this a broker stops soon: one segment is 1 GiB by default.
const LITTLE_SPACE: u64 = 512 * MIB;
/// Files of partitions that are idle are closed; clients need one each.
const FEW_FILES: u64 = 4096;
const MANY_FILES: u64 = 65_536;
/// Nothing of this program is older.
const YEAR_2025_MS: i64 = 1_735_689_600_000;
const CLOCK_TOLERANCE_MS: i64 = 5 * 60_000;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut all = configuration(facts);
    all.extend(facts.dirs.iter().flat_map(|dir| data_folder(dir, facts.user)));
    all.push(clock(facts));
    if facts.is_of_this_machine {
        all.push(open_files(facts.open_files));
    }
    all.extend(facts.asked.iter().flat_map(answers));
    all
}

fn configuration(facts: &Facts) -> Vec<Finding> {
    let config = &facts.config;
    let about = "configuration";
    let mut found: Vec<Finding> = Vec::new();
    for problem in &config.problems {
        found.push(Finding::wrong(about, format!("a broker does not start: {problem}"), "change what is named there"));
    }
    for warning in &config.warnings {
        found.push(Finding::wrong(about, warning.clone(), "correct or remove the setting"));
    }
    if found.is_empty() && !config.source.is_empty() {
        found.push(Finding::good(about, format!("{} is fine", config.source)));
    }
    found.extend(config.notes.iter().map(|note| Finding::note(about, note.clone())));
    found
}

fn data_folder(dir: &DirFacts, user: (u32, u32)) -> Vec<Finding> {
    let path = dir.path.display();
    let about = format!("data folder {path}");
    if let Some(reason) = &dir.unwritable {
        let what = format!("user {} cannot write there ({reason}), so a broker of that user does not start", user.0);
        let fix = format!(
            "chown -R {}:{} {path}, or start as the user that owns it (in compose: user: \"UID:GID\")",
            user.0, user.1
        );
        return vec![Finding::wrong(about, what, fix)];
    }
    let state = if dir.exists { "can be written" } else { "is made at the first start" };
    let (Some(usable), Some(total)) = (dir.usable_bytes, dir.total_bytes) else {
        return vec![Finding::note(about, format!("{state}; the free space is not known"))];
    };
    let space = format!("{:.1} of {:.1} GiB free", usable as f64 / GIB, total as f64 / GIB);
    if usable < LITTLE_SPACE {
        let what = format!("{space}: writes fail soon");
        return vec![Finding::wrong(
            about,
            what,
            "free space, use a larger volume, or lower log.retention.bytes / hours",
        )];
    }
    let is_tight = usable < total / 10;
    let finding = if is_tight { Finding::note } else { Finding::good };
    vec![finding(about, format!("{state}; {space}"))]
}

fn clock(facts: &Facts) -> Finding {
    let about = "clock";
    let fix = "set the clock (chronyd, systemd-timesyncd; a virtual machine that slept needs it, too)";
    if facts.now_ms < YEAR_2025_MS {
        let what = "this machine's clock is before 2025: retention and timestamps of records go by it";
        return Finding::wrong(about, what, fix);
    }
    match facts.newest_file_ms.map(|newest| newest.saturating_sub(facts.now_ms)) {
        Some(ahead) if ahead > CLOCK_TOLERANCE_MS => {
            let what = format!("files in the data folder are {} s ahead of the clock: it went back", ahead / 1000);
            Finding::wrong(about, what, fix)
        }
        _ => Finding::good(about, "plausible"),
    }
}

fn open_files(limit: Option<u64>) -> Finding {
    let about = "open files";
    match limit {
        Some(limit) if limit < FEW_FILES => Finding::wrong(
            about,
            format!("only {limit} are allowed; each client needs one, and partitions in use need some"),
            "ulimit -n 100000 (compose: ulimits: nofile: 100000; systemd: LimitNOFILE=100000)",
        ),
        Some(limit) if limit < MANY_FILES => {
            Finding::note(about, format!("{limit} are allowed: plenty for partitions, and each client needs one"))
        }
        Some(limit) => Finding::good(about, format!("{limit} are allowed")),
        None => Finding::good(about, "no limit"),
    }
}

fn answers(asked: &Asked) -> Vec<Finding> {
    let about = format!("broker at {}", asked.address);
    match &asked.said {
        Ok(brokers) => {
            let mut found = vec![Finding::good(about, format!("answers, and tells of {}", named(brokers)))];
            found.extend(brokers.iter().filter_map(|broker| unreachable(asked, broker)));
            found.extend(without_leader(asked));
            found.extend(told_log_dirs(asked));
            found
        }
        Err(NoAnswer::Refused(reason)) if asked.by_user => vec![Finding::wrong(
            about,
            format!("cannot be connected to: {reason}"),
            "check that the broker runs, that its listener is bound to that address, and that the port is published",
        )],
        Err(NoAnswer::Refused(_)) => {
            vec![Finding::note(
                about,
                "no broker runs there now; what it would tell is worked out from the configuration",
            )]
        }
        Err(NoAnswer::Stranger(reason)) => vec![Finding::wrong(
            about,
            format!("something listens there that does not answer as a broker without TLS and SASL does: {reason}"),
            "find it with ss -ltnp and stop it, or choose another port; for a secured broker use another listener",
        )],
    }
}

const NAMED_AT_MOST: usize = 10;

fn without_leader(asked: &Asked) -> Option<Finding> {
    let lost = &asked.without_leader;
    let named = lost.iter().take(NAMED_AT_MOST).cloned().collect::<Vec<_>>().join(", ");
    let more = if lost.len() > NAMED_AT_MOST { ", ..." } else { "" };
    let what = format!("{} partitions have no leader and are neither written nor read: {named}{more}", lost.len());
    let fix = "see the broker's log for the reason: usually a log dir that is broken, not mounted or not in log.dirs";
    (!lost.is_empty()).then(|| Finding::wrong(format!("broker at {}", asked.address), what, fix))
}

fn told_log_dirs(asked: &Asked) -> Vec<Finding> {
    let about = format!("broker at {}", asked.address);
    match &asked.log_dirs {
        Ok(dirs) => dirs.iter().filter_map(|dir| told_log_dir(&about, dir)).collect(),
        Err(error) => vec![Finding::note(about, format!("does not tell of its log dirs: {error}"))],
    }
}

fn told_log_dir(about: &str, dir: &ToldLogDir) -> Option<Finding> {
    let path = &dir.path;
    if dir.error_code != 0 {
        let what = format!("its log dir {path} is out of use (error {})", dir.error_code);
        return Some(Finding::wrong(
            about,
            what,
            "repair or mount the disk, then restart the broker; its log says what failed",
        ));
    }
    let usable = u64::try_from(dir.usable_bytes).ok().filter(|usable| *usable < LITTLE_SPACE)?;
    let what = format!(
        "its log dir {path} has {} MiB of free space left: producers are refused, or soon will be",
        usable / MIB
    );
    Some(Finding::wrong(about, what, "free space, use a larger volume, or lower log.retention.bytes / hours"))
}

fn named(brokers: &[ToldBroker]) -> String {
    let texts: Vec<String> = brokers.iter().map(|broker| format!("node {} at {}", broker.id, broker.address)).collect();
    if texts.is_empty() { "no broker".to_owned() } else { texts.join(", ") }
}

/// A broker that a client of this machine is sent to and cannot reach: the usual trouble with advertised addresses.
fn unreachable(asked: &Asked, broker: &ToldBroker) -> Option<Finding> {
    let reason = match &broker.reach {
        Reach { connected: Some(Ok(_)), .. } => return None,
        Reach { connected: Some(Err(error)), .. } => error.clone(),
        Reach { connected: None, .. } => "the name does not resolve here".to_owned(),
    };
    let what = format!(
        "a client here that connects to {} is sent on to {} and cannot connect: {reason}",
        asked.address, broker.address
    );
    let fix = "let advertised.listeners of that listener name an address that works from here, or use a listener that is meant \
               for clients here";
    Some(Finding::wrong(format!("node {}", broker.id), what, fix))
}
