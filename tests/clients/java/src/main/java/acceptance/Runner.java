package acceptance;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;

/** Runs checks a few at a time, each with a limit, and prints one line per check. A hang is a failure. */
final class Runner {
    private static final int WORKERS = 5;
    private static final long CHECK_LIMIT_MS = 40_000;
    private static final long SUITE_LIMIT_MS = 110_000;

    private Runner() {}

    static boolean run(List<Check> checks) {
        long deadline = System.currentTimeMillis() + SUITE_LIMIT_MS;
        Queue<Check> waiting = new ConcurrentLinkedQueue<>(checks);
        AtomicInteger failed = new AtomicInteger();
        List<Thread> workers = java.util.stream.IntStream.range(0, WORKERS)
            .mapToObj(i -> daemon(() -> work(waiting, deadline, failed))).toList();
        workers.forEach(Runner::join);
        System.out.println("1.." + checks.size());
        System.out.flush();
        return failed.get() == 0;
    }

    private static void work(Queue<Check> waiting, long deadline, AtomicInteger failed) {
        for (Check check = waiting.poll(); check != null; check = waiting.poll()) {
            long left = Math.min(CHECK_LIMIT_MS, deadline - System.currentTimeMillis());
            String reason = left <= 0 ? "not run: the suite took too long" : outcome(check, left);
            if (reason != null) failed.incrementAndGet();
            System.out.println(reason == null ? "ok - " + check.name() : "not ok - " + check.name() + ": " + reason);
        }
    }

    /** Null when the check passed. */
    private static String outcome(Check check, long limitMs) {
        Throwable[] thrown = new Throwable[1];
        Thread thread = daemon(() -> {
            try {
                check.body().run();
            } catch (Throwable error) {
                thrown[0] = error;
            }
        });
        join(thread, limitMs);
        if (thread.isAlive()) {
            String where = place(thread.getStackTrace());
            thread.interrupt();
            return "no end after " + limitMs + " ms" + where;
        }
        return thrown[0] == null ? null : describe(thrown[0]);
    }

    private static String describe(Throwable error) {
        Throwable cause = error;
        while ((cause instanceof ExecutionException || cause instanceof CompletionException) && cause.getCause() != null) {
            cause = cause.getCause();
        }
        String text = cause.getClass().getSimpleName() + ": " + cause.getMessage() + place(error.getStackTrace());
        return text.replace('\n', ' ');
    }

    private static String place(StackTraceElement[] frames) {
        for (StackTraceElement frame : frames) {
            if (frame.getClassName().endsWith("Checks")) return " (" + frame.getFileName() + ":" + frame.getLineNumber() + ")";
        }
        return "";
    }

    private static Thread daemon(Runnable task) {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private static void join(Thread thread) {
        join(thread, 0);
    }

    private static void join(Thread thread, long limitMs) {
        try {
            thread.join(limitMs);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
