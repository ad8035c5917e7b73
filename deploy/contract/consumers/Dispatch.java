import com.fasterxml.jackson.databind.*;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.serialization.*;

/**
 * A dispatch service in its smallest form: {@code java -cp 'lib/*' Dispatch.java ORDERS}; deploy/docs/subscribe.md says why
 * each line. Needs kafka-clients and jackson-databind in lib, and HOLDFAST_BROKERS, HOLDFAST_TOPIC_PREFIX as for Holdfast
 * itself. A folder stands for the database of orders: a name is there once, whichever process writes it, as with a unique index.
 */
public class Dispatch {
    static final String BROKERS = System.getenv("HOLDFAST_BROKERS");
    static final String PREFIX = System.getenv().getOrDefault("HOLDFAST_TOPIC_PREFIX", "");
    static final ObjectMapper JSON = new ObjectMapper();

    static void handle(ConsumerRecord<String, byte[]> record, Path orders, Producer<String, byte[]> producer) throws Exception {
        String id = new String(record.headers().lastHeader("ce_id").value());
        JsonNode alert = JSON.readTree(record.value()), action = alert.path("action");  // `eased` and `closed` have none
        long now = System.currentTimeMillis();
        Path order = orders.resolve(id.replace(':', '-') + ".json"), draft = orders.resolve("." + ProcessHandle.current().pid());
        if (action.path("contact_by").asLong(now) < now && !Files.exists(order)) {
            System.out.println("late " + id);
            return;
        }
        Files.deleteIfExists(draft);  // the last one is the same file as an order
        Files.write(draft, record.value());
        try {
            Files.createLink(order, draft);  // whole or not at all, and never a second time
            System.out.println(String.join(" ", alert.get("event").asText(), id, action.path("unit").asText(), action.path("channel").asText()));
        } catch (FileAlreadyExistsException again) { }  // it came again
        if (alert.get("event").asText().equals("raised") && alert.get("subscriber_id").isTextual()) {
            // Also of what came again, since we may have ended before we said so: one event_id counts once.
            String who = alert.get("subscriber_id").asText(), of = alert.get("alert_id").asText();
            var said = Map.of("subscriber_id", who, "ts", now, "event_id", id, "alert_id", of, "status", "accepted", "by", "dispatch");
            producer.send(new ProducerRecord<>(PREFIX + "churn.alert-feedback.v1", who, JSON.writeValueAsBytes(said))).get();  // placed by murmur2
        }
    }

    public static void main(String[] arguments) throws Exception {
        Path orders = Files.createDirectories(Path.of(arguments[0]));
        Map<String, Object> reading = Map.of("bootstrap.servers", BROKERS, "group.id", PREFIX + "dispatch-java", "session.timeout.ms", 10_000,
            "isolation.level", "read_committed", "enable.auto.commit", false, "auto.offset.reset", "earliest");
        try (var consumer = new KafkaConsumer<>(reading, new StringDeserializer(), new ByteArrayDeserializer());
                var producer = new KafkaProducer<>(Map.of("bootstrap.servers", BROKERS), new StringSerializer(), new ByteArraySerializer())) {
            consumer.subscribe(List.of(PREFIX + "churn.retention-alerts.v1"));
            while (true) {
                for (var record : consumer.poll(Duration.ofMillis(500))) handle(record, orders, producer);
                try {
                    consumer.commitSync();
                } catch (CommitFailedException | RebalanceInProgressException taken) { }  // its new owner finds it booked
            }
        }
    }
}
