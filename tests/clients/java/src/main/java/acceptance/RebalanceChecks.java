package acceptance;

import static acceptance.Expect.equal;
import static acceptance.Expect.eventually;
import static acceptance.Expect.holds;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.FencedInstanceIdException;

/** Several members in one classic group. */
final class RebalanceChecks {
    private static final String ASSIGNOR = "partition.assignment.strategy";

    private RebalanceChecks() {}

    static void register(List<Check> checks) {
        for (Class<?> assignor : List.of(RangeAssignor.class, RoundRobinAssignor.class, StickyAssignor.class)) {
            checks.add(new Check("rebalance_eager_" + assignor.getSimpleName(), () -> eager(assignor.getName())));
        }
        checks.add(new Check("rebalance_cooperative_keeps_partitions", RebalanceChecks::cooperative));
        checks.add(new Check("rebalance_from_eager_to_cooperative", RebalanceChecks::upgrade));
        checks.add(new Check("rebalance_every_record_once", RebalanceChecks::everyRecordOnce));
        checks.add(new Check("rebalance_static_restart_without_rebalance", RebalanceChecks::staticRestart));
        checks.add(new Check("rebalance_static_duplicate_is_fenced", RebalanceChecks::staticFenced));
        checks.add(new Check("rebalance_session_expiry", RebalanceChecks::sessionExpiry));
        checks.add(new Check("rebalance_when_partitions_are_added", RebalanceChecks::partitionsAdded));
    }

    private static void share(int partitions, int each, Member... members) throws Exception {
        eventually(() -> {
            Set<TopicPartition> all = new HashSet<>();
            for (Member member : members) {
                if (member.failure != null) throw member.failure;
                equal(each, member.partitions(), "partitions of a member");
                all.addAll(member.owned);
            }
            equal(partitions, all.size(), "partitions of the group");
        });
    }

    private static void eager(String assignor) throws Exception {
        String topic = Kit.topic(6);
        Object[] settings = {"group.id", Kit.unique("group"), ASSIGNOR, assignor};
        try (Member first = new Member(topic, settings)) {
            share(6, 6, first);
            try (Member second = new Member(topic, settings)) {
                share(6, 3, first, second);
                try (Member third = new Member(topic, settings)) {
                    share(6, 2, first, second, third);
                }
                share(6, 3, first, second);
            }
            share(6, 6, first);
            holds(first.revoked.size() >= 6, "an eager member gives everything back, gave " + first.revoked.size());
        }
    }

    private static void cooperative() throws Exception {
        String topic = Kit.topic(6);
        Object[] settings = {"group.id", Kit.unique("group"), ASSIGNOR, CooperativeStickyAssignor.class.getName()};
        try (Member first = new Member(topic, settings)) {
            share(6, 6, first);
            try (Member second = new Member(topic, settings)) {
                share(6, 3, first, second);
                equal(3, first.revoked.size(), "only what moves is revoked");
            }
            share(6, 6, first);
            equal(3, first.revoked.size(), "nothing more is revoked");
        }
    }

    /** A rolling change of assignors: both protocols, then only the new one. */
    private static void upgrade() throws Exception {
        String topic = Kit.topic(4);
        String group = Kit.unique("group");
        String both = CooperativeStickyAssignor.class.getName() + "," + RangeAssignor.class.getName();
        try (Member old = new Member(topic, "group.id", group, ASSIGNOR, RangeAssignor.class.getName());
                Member mixed = new Member(topic, "group.id", group, ASSIGNOR, both)) {
            share(4, 2, old, mixed);
            old.close();
            try (Member fresh = new Member(topic, "group.id", group, ASSIGNOR, CooperativeStickyAssignor.class.getName())) {
                share(4, 2, mixed, fresh);
            }
        }
    }

    private static void everyRecordOnce() throws Exception {
        String topic = Kit.topic(4);
        Object[] settings = {"group.id", Kit.unique("group"), "enable.auto.commit", true, ASSIGNOR,
            CooperativeStickyAssignor.class.getName()};
        try (Member first = new Member(topic, settings)) {
            share(4, 4, first);
            for (int p = 0; p < 4; p++) Kit.fill(topic, p, 100);
            eventually(() -> equal(400, first.values.size(), "records before"));
            try (Member second = new Member(topic, settings)) {
                share(4, 2, first, second);
                for (int p = 0; p < 4; p++) Kit.fill(topic, p, 100);
                eventually(() -> equal(800, first.values.size() + second.values.size(), "records after"));
                Thread.sleep(300);
                equal(800, first.values.size() + second.values.size(), "no record twice");
                equal(200, second.values.size(), "records of the second member");
            }
        }
    }

    private static void staticRestart() throws Exception {
        String topic = Kit.topic(4);
        String group = Kit.unique("group");
        try (Member stays = new Member(topic, "group.id", group, "group.instance.id", "a")) {
            Member before = new Member(topic, "group.id", group, "group.instance.id", "b");
            share(4, 2, stays, before);
            eventually(() -> holds(before.generation > 0 && before.generation == stays.generation, "both in one generation"));
            int generation = stays.generation;
            int rebalances = stays.rebalances.get();
            Set<TopicPartition> owned = new HashSet<>(before.owned);
            before.close();
            try (Member after = new Member(topic, "group.id", group, "group.instance.id", "b")) {
                share(4, 2, stays, after);
                equal(owned, new HashSet<>(after.owned), "partitions after the restart");
                Thread.sleep(800);
                equal(rebalances, stays.rebalances.get(), "rebalances of the other member");
                equal(generation, stays.generation, "generation");
            }
        }
    }

    private static void staticFenced() throws Exception {
        String topic = Kit.topic(2);
        Object[] settings = {"group.id", Kit.unique("group"), "group.instance.id", "only"};
        try (Member first = new Member(topic, settings)) {
            share(2, 2, first);
            try (Member second = new Member(topic, settings)) {
                eventually(() -> holds(first.failure instanceof FencedInstanceIdException, "the first is fenced, got " + first.failure));
                share(2, 2, second);
            }
        }
    }

    private static void sessionExpiry() throws Exception {
        String topic = Kit.topic(2);
        Object[] settings = {"group.id", Kit.unique("group"), "session.timeout.ms", 6000};
        try (Member stays = new Member(topic, settings)) {
            Member goes = new Member(topic, settings);
            share(2, 1, stays, goes);
            long start = System.nanoTime();
            goes.vanish();
            share(2, 2, stays);
            long ms = (System.nanoTime() - start) / 1_000_000;
            holds(ms > 4000 && ms < 15_000, "the partitions move after the session timeout of 6 s, took " + ms + " ms");
        }
    }

    private static void partitionsAdded() throws Exception {
        String topic = Kit.topic(2);
        try (Member member = new Member(topic, "group.id", Kit.unique("group"), "metadata.max.age.ms", 300)) {
            share(2, 2, member);
            Expect.done(Kit.ADMIN.createPartitions(java.util.Map.of(topic,
                org.apache.kafka.clients.admin.NewPartitions.increaseTo(5))).all());
            share(5, 5, member);
        }
    }
}
