package containers;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.kafka.ConfluentKafkaContainer;
import org.testcontainers.kafka.KafkaContainer;
import org.testcontainers.utility.DockerImageName;

/** Each of the module's container classes with the broker's image; one line per class; exits 1 if any failed. */
public final class Main {
    private static final String IMAGE = Optional.ofNullable(System.getenv("PLAIN_IMAGE")).orElse("barnabas:dev");
    /** The old class reads the version of Confluent's image from the tag. */
    private static final String TAGGED = Optional.ofNullable(System.getenv("OLD_IMAGE")).orElse("barnabas/cp-kafka:7.6.0");
    private static final String TAGGED_OLDER = Optional.ofNullable(System.getenv("OLDER_IMAGE")).orElse("barnabas/cp-kafka:7.2.0");

    private Main() {}

    public static void main(String[] filters) {
        Map<String, Callable<Void>> checks = new LinkedHashMap<>();
        checks.put("java_apache", () -> use(new KafkaContainer(image(IMAGE, "apache/kafka")), KafkaContainer::getBootstrapServers));
        checks.put("java_apache_native", () -> use(new KafkaContainer(image(IMAGE, "apache/kafka-native")), KafkaContainer::getBootstrapServers));
        checks.put("java_apache_with_listener", Main::withListener);
        checks.put("java_confluent", () -> use(
            new ConfluentKafkaContainer(image(IMAGE, "confluentinc/cp-kafka")), ConfluentKafkaContainer::getBootstrapServers));
        checks.put("java_old_with_zookeeper", () -> old(TAGGED, Function.identity()));
        checks.put("java_old_with_kraft", () -> old(TAGGED, org.testcontainers.containers.KafkaContainer::withKraft));
        checks.put("java_old_with_kraft_before_7_4", () -> old(TAGGED_OLDER, org.testcontainers.containers.KafkaContainer::withKraft));
        checks.keySet().removeIf(name -> filters.length > 0 && Arrays.stream(filters).noneMatch(name::contains));
        Runtime.getRuntime().halt(run(checks) ? 0 : 1);
    }

    private static boolean run(Map<String, Callable<Void>> checks) {
        boolean good = !checks.isEmpty();
        for (var check : checks.entrySet()) {
            try {
                check.getValue().call();
                System.out.println("ok - " + check.getKey());
            } catch (Throwable error) {
                good = false;
                System.out.println("not ok - " + check.getKey() + ": " + reason(error));
            }
        }
        System.out.println("1.." + checks.size());
        System.out.flush();
        return good;
    }

    private static String reason(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable at = error; at != null; at = at.getCause()) text.append(at.getClass().getSimpleName()).append(": ").append(at.getMessage()).append(" | ");
        return text.toString().replace('\n', ' ');
    }

    private static DockerImageName image(String name, String inPlaceOf) {
        return DockerImageName.parse(name).asCompatibleSubstituteFor(inPlaceOf);
    }

    /** A listener for other containers: it binds to the name that the network gives. */
    private static Void withListener() throws Exception {
        try (Network network = Network.newNetwork()) {
            var container = new KafkaContainer(image(IMAGE, "apache/kafka")).withNetwork(network).withListener("kafka:19092");
            return use(container, KafkaContainer::getBootstrapServers);
        }
    }

    @SuppressWarnings("deprecation")
    private static Void old(String image, Function<org.testcontainers.containers.KafkaContainer, org.testcontainers.containers.KafkaContainer> mode) throws Exception {
        var container = new org.testcontainers.containers.KafkaContainer(image(image, "confluentinc/cp-kafka"));
        return use(mode.apply(container), org.testcontainers.containers.KafkaContainer::getBootstrapServers);
    }

    private static <C extends GenericContainer<?>> Void use(C container, Function<C, String> bootstrap) throws Exception {
        try (container) {
            container.start();
            RoundTrip.through(bootstrap.apply(container));
        }
        return null;
    }
}
