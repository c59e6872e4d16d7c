package ui;

import java.util.Objects;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** One page or action of the UI, by the calls that it makes. A hang is a failure. */
record Check(String name, Body body) {
    private static final long LIMIT_MS = 40_000;

    /** What a check does; any throwable is a failure. */
    interface Body {
        void run() throws Exception;
    }

    /** Null when the check passed. */
    String outcome() {
        Throwable[] thrown = new Throwable[1];
        Thread thread = new Thread(() -> {
            try {
                body.run();
            } catch (Throwable error) {
                thrown[0] = error;
            }
        });
        thread.setDaemon(true);
        thread.start();
        try {
            thread.join(LIMIT_MS);
        } catch (InterruptedException e) {
            return "interrupted";
        }
        if (thread.isAlive()) return "no end after " + LIMIT_MS + " ms" + place(thread.getStackTrace());
        return thrown[0] == null ? null : describe(thrown[0]);
    }

    private static String describe(Throwable error) {
        Throwable cause = cause(error);
        return (cause.getClass().getSimpleName() + ": " + cause.getMessage() + place(error.getStackTrace())).replace('\n', ' ');
    }

    private static Throwable cause(Throwable error) {
        Throwable cause = error;
        while ((cause instanceof ExecutionException || cause instanceof CompletionException) && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    private static String place(StackTraceElement[] frames) {
        for (StackTraceElement frame : frames) {
            if (frame.getClassName().endsWith("Pages")) return " (" + frame.getFileName() + ":" + frame.getLineNumber() + ")";
        }
        return "";
    }

    static <T> T done(Future<T> future) throws Exception {
        return future.get(20, TimeUnit.SECONDS);
    }

    static void equal(Object expected, Object actual, String what) {
        if (!Objects.deepEquals(expected, actual)) throw new AssertionError(what + ": expected " + expected + ", got " + actual);
    }

    static void holds(boolean condition, String what) {
        if (!condition) throw new AssertionError(what);
    }

    static void fails(Class<? extends Exception> expected, Future<?> future) throws Exception {
        try {
            throw new AssertionError("expected " + expected.getSimpleName() + ", got success " + done(future));
        } catch (ExecutionException e) {
            if (!expected.isInstance(cause(e))) throw new AssertionError("expected " + expected.getSimpleName() + ", got " + cause(e));
        }
    }

    /** For what is asynchronous by nature, and for Apache Kafka, which answers before the effect can be seen. */
    static void eventually(Body probe) throws Exception {
        long deadline = System.currentTimeMillis() + 15_000;
        while (true) {
            try {
                probe.run();
                return;
            } catch (Exception | AssertionError e) {
                if (System.currentTimeMillis() > deadline) throw e;
                Thread.sleep(50);
            }
        }
    }
}
