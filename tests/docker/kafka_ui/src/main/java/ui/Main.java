package ui;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Entry: runs the checks in order, or those whose name contains one of the arguments; exits 1 if any failed. */
public final class Main {
    private Main() {}

    public static void main(String[] filters) {
        List<Check> checks = new ArrayList<>();
        ClusterPages.register(checks);
        TopicPages.register(checks);
        MessagePages.register(checks);
        GroupPages.register(checks);
        List<Check> chosen = checks.stream()
            .filter(check -> filters.length == 0 || Arrays.stream(filters).anyMatch(check.name()::contains))
            .toList();
        int failed = 0;
        for (Check check : chosen) {
            String reason = check.outcome();
            if (reason != null) failed++;
            System.out.println(reason == null ? "ok - " + check.name() : "not ok - " + check.name() + ": " + reason);
        }
        System.out.println("1.." + chosen.size());
        System.out.flush();
        // halt, not exit: clients of a check that hung must not keep the process alive.
        Runtime.getRuntime().halt(failed == 0 && !chosen.isEmpty() ? 0 : 1);
    }
}
