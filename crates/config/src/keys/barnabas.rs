//! Keys that Kafka does not have. One row each; no parsing here.

use crate::key::{ConfigKey, boolean, list, long, string};

pub(super) const KEYS: &[ConfigKey] = &[
    string(
        "barnabas.http.listener",
        "host:port that serves metrics, health and the web console; empty switches it off.",
    )
    .default("127.0.0.1:9404"),
    boolean(
        "barnabas.advertised.listeners.per.connection",
        "Tells a client that cannot use the advertised address of this broker the one by which it came in: loopback names \
         to other machines and containers, published or outer addresses to processes beside the broker.",
    )
    .default("true"),
    string(
        "barnabas.durability",
        "What an acknowledgement promises. `journal`: with acks=all the records are on disk, synced through one journal per \
         log directory, and consumers see only such records; they survive a power loss. `page-cache`: as in Apache Kafka, the \
         operating system has them; they survive the end of the process, and flush.messages and flush.ms say more. Offsets of \
         consumer groups follow the same setting.",
    )
    .default("journal")
    .one_of(&["journal", "page-cache"]),
    long(
        "barnabas.journal.bytes",
        "The most that the journal of one log directory takes on disk, in bytes. It grows to that only under load, is \
         used again and again, and never more than a sixteenth of the volume; below 32 MiB (a volume of 512 MiB) there is none, \
         and every acknowledgement syncs its own segment. More lets segments be synced less often, and makes the start after a \
         crash longer.",
    )
    .default("536870912")
    .at_least(32 << 20),
    long(
        "barnabas.disk.reserve.bytes",
        "Free bytes of the volume of each log dir below which producers are refused with KAFKA_STORAGE_ERROR, which they retry, \
         and new partitions go to other log dirs or are refused. What is left keeps reading, commits, deleting and changes of \
         the configuration going. It goes on by itself once a tenth more than that is free. -1 is the smaller of 1 GiB and \
         5 % of the volume; 0 switches it off.",
    )
    .default("-1")
    .at_least(-1),
    list(
        "barnabas.given.up.log.dirs",
        "The directory.id of log dirs that are missing, for good, together with all that they hold: their partitions begin anew, \
         empty, in those that are left. Without it such partitions stay offline until the log dir is back. Needed for one \
         start only.",
    )
    .default(""),
    list(
        "barnabas.given.up.journals",
        "The id of journals of which files were removed after the broker had not been stopped properly, as the refused start          names it: their log dirs are used without what only those files held. Until then such a log dir is out of use. An id is          good for one loss, and has no effect later.",
    )
    .default(""),
];
