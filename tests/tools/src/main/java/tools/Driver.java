package tools;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Apache Kafka's tools one after the other in this process, so that a comparison does not pay for a JVM per command.
 * A request is a line of base64 words: standard input, tool, arguments. The answer is a line: exit code, stdout, stderr.
 */
public final class Driver {
    private static final long LIMIT_MS = 40_000;
    private static final Map<String, String> TOOLS = Map.ofEntries(
        Map.entry("kafka-topics", "org.apache.kafka.tools.TopicCommand"),
        Map.entry("kafka-configs", "kafka.admin.ConfigCommand"),
        Map.entry("kafka-console-producer", "org.apache.kafka.tools.ConsoleProducer"),
        Map.entry("kafka-console-consumer", "org.apache.kafka.tools.consumer.ConsoleConsumer"),
        Map.entry("kafka-consumer-groups", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"),
        Map.entry("kafka-groups", "org.apache.kafka.tools.GroupsCommand"),
        Map.entry("kafka-share-groups", "org.apache.kafka.tools.consumer.group.ShareGroupCommand"),
        Map.entry("kafka-streams-groups", "org.apache.kafka.tools.streams.StreamsGroupCommand"),
        Map.entry("kafka-get-offsets", "org.apache.kafka.tools.GetOffsetShell"),
        Map.entry("kafka-log-dirs", "org.apache.kafka.tools.LogDirsCommand"),
        Map.entry("kafka-broker-api-versions", "org.apache.kafka.tools.BrokerApiVersionsCommand"),
        Map.entry("kafka-delete-records", "org.apache.kafka.tools.DeleteRecordsCommand"),
        Map.entry("kafka-leader-election", "org.apache.kafka.tools.LeaderElectionCommand"),
        Map.entry("kafka-reassign-partitions", "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"),
        Map.entry("kafka-features", "org.apache.kafka.tools.FeatureCommand"),
        Map.entry("kafka-acls", "org.apache.kafka.tools.AclCommand"),
        Map.entry("kafka-cluster", "org.apache.kafka.tools.ClusterTool"),
        Map.entry("kafka-dump-log", "org.apache.kafka.tools.DumpLogSegments"),
        Map.entry("kafka-metadata-quorum", "org.apache.kafka.tools.MetadataQuorumCommand"),
        Map.entry("kafka-transactions", "org.apache.kafka.tools.TransactionsCommand"),
        Map.entry("kafka-producer-perf-test", "org.apache.kafka.tools.ProducerPerformance"),
        Map.entry("kafka-consumer-perf-test", "org.apache.kafka.tools.ConsumerPerformance"),
        Map.entry("kafka-verifiable-producer", "org.apache.kafka.tools.VerifiableProducer"),
        Map.entry("kafka-verifiable-consumer", "org.apache.kafka.tools.VerifiableConsumer"),
        Map.entry("kafka-client-metrics", "org.apache.kafka.tools.ClientMetricsCommand"),
        Map.entry("kafka-storage", "kafka.tools.StorageTool"));

    private static volatile Integer exitCode;

    private Driver() {}

    /** Ends the tool's own thread where the process would have ended. */
    private static final class Ended extends Error {
        Ended() {
            super("exit", null, false, false);
        }
    }

    public static void main(String[] none) throws Exception {
        PrintStream answers = System.out;
        Exit.setExitProcedure(Driver::end);
        Exit.setHaltProcedure(Driver::end);
        Exit.setShutdownHookAdder((name, hook) -> { });
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            String[] words = Arrays.stream(line.split(" ", -1)).map(Driver::decode).toArray(String[]::new);
            answers.println(run(words[0], words[1], Arrays.copyOfRange(words, 2, words.length)));
            answers.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    private static void end(int code, String message) {
        if (exitCode == null) {
            exitCode = code;
            if (message != null && code != 0) System.err.println(message);
            PrintStream nowhere = new PrintStream(PrintStream.nullOutputStream());
            System.setOut(nowhere); // what a tool says when it catches the exit is no answer
            System.setErr(nowhere);
        }
        throw new Ended();
    }

    private static String run(String input, String tool, String[] arguments) throws InterruptedException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        exitCode = null;
        Thread thread = new Thread(() -> call(tool, arguments));
        thread.setDaemon(true);
        thread.start();
        thread.join(LIMIT_MS);
        String code = thread.isAlive() ? "hang" : String.valueOf(exitCode == null ? 0 : exitCode);
        return code + " " + encode(out) + " " + encode(err);
    }

    private static void call(String tool, String[] arguments) {
        try {
            if (tool.startsWith("@")) {
                Extra.run(tool, arguments);
                return;
            }
            Class.forName(TOOLS.get(tool)).getMethod("main", String[].class).invoke(null, (Object) arguments);
        } catch (InvocationTargetException e) {
            uncaught(e.getCause());
        } catch (Ended e) {
            // the exit code is already kept
        } catch (Exception e) {
            uncaught(e);
        }
    }

    /** What the JVM does with an exception that leaves main. */
    private static void uncaught(Throwable error) {
        if (error instanceof Ended) return;
        if (exitCode == null) exitCode = 1;
        System.err.println("Exception in thread \"main\" " + error);
    }

    private static String decode(String word) {
        return new String(Base64.getDecoder().decode(word), StandardCharsets.UTF_8);
    }

    private static String encode(ByteArrayOutputStream bytes) {
        return Base64.getEncoder().encodeToString(bytes.toByteArray());
    }
}
