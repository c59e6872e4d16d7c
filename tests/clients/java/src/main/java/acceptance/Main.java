package acceptance;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Entry: collects every check, runs those whose name contains one of the arguments, exits 1 if any failed. */
public final class Main {
    private Main() {}

    public static void main(String[] filters) {
        List<Check> checks = new ArrayList<>();
        TopicChecks.register(checks);
        ProduceChecks.register(checks);
        ConsumeChecks.register(checks);
        OffsetChecks.register(checks);
        GroupChecks.register(checks);
        RebalanceChecks.register(checks);
        GroupAdminChecks.register(checks);
        ConfigChecks.register(checks);
        ClusterChecks.register(checks);
        List<Check> chosen = checks.stream()
            .filter(check -> filters.length == 0 || Arrays.stream(filters).anyMatch(check.name()::contains))
            .toList();
        // halt, not exit: clients of a check that hung must not keep the process alive.
        Runtime.getRuntime().halt(Runner.run(chosen) ? 0 : 1);
    }
}
