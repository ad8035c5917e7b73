import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The small job on Kafka Streams: one thread, one processor over the three topics, a store in memory with changelog and
 * cache, rows as packed doubles. The argument is the processing guarantee, {@code at_least_once} or
 * {@code exactly_once_v2}; committed each second, or each 100 ms for exactly once (the default of each would be 30 s and
 * 100 ms). The clock runs from the first record to the last one processed.
 */
public final class Job {
  static final String PREFIX = System.getenv("BENCH_PREFIX");
  static final String[] TOPICS = {"telecom.calls.v1", "telecom.data-usage.v1", "telecom.site-visits.v1"};
  static final long EVENTS = Long.parseLong(System.getenv("BENCH_EVENTS"));
  static final double TAU_MS = 3 * 86_400_000.0;
  static final double HIGH = 0.55;
  static final double LOW = 0.45;
  static final double[] WEIGHTS = {0.25, -0.001, 1.10, -0.004, 0.15, -0.004, -0.0005, -0.010, 0.45, 0.002, 0.05, 0.004};
  static final double[] BIASES = {-2.1, 0.9, -5.0};
  static final double ALL_BIAS = -1.0 + (BIASES[0] + BIASES[1] + BIASES[2]);

  static long handled = 0;
  static long alerts = 0;
  static long began = 0;
  static long beganCpu = 0;
  static volatile boolean done = false;

  /** Rows as packed doubles. */
  static final class Rows implements Serializer<double[]>, Deserializer<double[]> {
    @Override
    public byte[] serialize(String topic, double[] row) {
      if (row == null) return null;
      ByteBuffer packed = ByteBuffer.allocate(8 * row.length);
      for (double each : row) packed.putDouble(each);
      return packed.array();
    }

    @Override
    public double[] deserialize(String topic, byte[] value) {
      if (value == null) return null;
      double[] row = new double[16];
      ByteBuffer.wrap(value).asDoubleBuffer().get(row);
      return row;
    }

    @Override
    public void configure(Map<String, ?> configuration, boolean isKey) {}

    @Override
    public void close() {}
  }

  /** One subscriber's event into their row; an alert is forwarded. */
  static final class Step implements Processor<byte[], byte[], byte[], byte[]> {
    private final ObjectMapper mapper = new ObjectMapper();
    private KeyValueStore<byte[], double[]> rows;
    private ProcessorContext<byte[], byte[]> context;

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
      context = given;
      rows = given.getStateStore("rows");
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      if (began == 0) {
        beganCpu = cpu();
        began = System.nanoTime();
      }
      try {
        int topic = number(context.recordMetadata().orElseThrow().topic());
        JsonNode event = mapper.readTree(record.value());
        double[] row = rows.get(record.key());
        if (row == null) row = new double[16];
        double whole = fold(row, topic, event);
        boolean risen = rise(row, topic);
        rows.put(record.key(), row);
        if (risen) {
          alerts++;
          context.forward(record.withValue(alert(topic, event, row, whole)));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      if (++handled == EVENTS) {
        context.commit();
        done = true;
      }
    }

    private static int number(String topic) {
      for (int i = 0; i < TOPICS.length; i++) if (topic.endsWith(TOPICS[i])) return i;
      throw new IllegalStateException(topic);
    }

    /** Updates the four features of a topic; returns the score over all. */
    private static double fold(double[] row, int topic, JsonNode event) {
      double ts = event.get("ts").asDouble();
      double amount;
      double second;
      if (topic == 0) {
        amount = event.get("duration_s").asDouble();
        second = event.get("dropped").asBoolean() ? 1 : 0;
      } else if (topic == 1) {
        amount = event.get("bytes").asDouble() / 1e6;
        second = event.get("duration_s").asDouble();
      } else {
        amount = event.get("dwell_s").asDouble();
        second = event.get("pages").asDouble();
      }
      int at = 3 + 4 * topic;
      double decay = row[topic] != 0 ? Math.exp(Math.min(0.0, row[topic] - ts) / TAU_MS) : 0;
      row[topic] = ts;
      row[at] = row[at] * decay + 1;
      row[at + 1] = row[at + 1] * decay + amount;
      row[at + 2] = row[at + 2] * decay + second;
      row[at + 3] = row[at + 3] + 0.1 * (amount - row[at + 3]);
      double logit = ALL_BIAS;
      for (int i = 0; i < 12; i++) logit += WEIGHTS[i] * row[3 + i];
      return sigmoid(logit);
    }

    private static double part(double[] row, int topic) {
      int at = 3 + 4 * topic;
      int w = 4 * topic;
      return sigmoid(
          BIASES[topic] + WEIGHTS[w] * row[at] + WEIGHTS[w + 1] * row[at + 1] + WEIGHTS[w + 2] * row[at + 2]
              + WEIGHTS[w + 3] * row[at + 3]);
    }

    private static boolean rise(double[] row, int topic) {
      double part = part(row, topic);
      int bit = 1 << topic;
      int above = (int) row[15];
      if (part > HIGH && (above & bit) == 0) {
        row[15] = above | bit;
        return true;
      }
      if (part < LOW && (above & bit) != 0) row[15] = above & ~bit;
      return false;
    }

    private static double sigmoid(double z) {
      return 1 / (1 + Math.exp(-Math.min(Math.max(z, -40.0), 40.0)));
    }

    private byte[] alert(int topic, JsonNode event, double[] row, double whole) throws IOException {
      String subscriber = event.get("subscriber_id").asText();
      long ts = event.get("ts").asLong();
      ObjectNode alert = mapper.createObjectNode();
      alert.put("alert_id", subscriber + "-" + topic + "-" + ts);
      alert.put("subscriber_id", subscriber);
      alert.put("source", TOPICS[topic]);
      alert.put("ts", ts);
      alert.put("part", part(row, topic));
      alert.put("score", whole);
      ArrayNode features = alert.putArray("features");
      for (int i = 0; i < 4; i++) features.add(row[3 + 4 * topic + i]);
      return mapper.writeValueAsBytes(alert);
    }
  }

  static long cpu() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  static Properties settings(String guarantee) throws IOException {
    boolean exactly = guarantee.equals("exactly_once_v2");
    Properties settings = new Properties();
    settings.put("application.id", System.getenv("BENCH_RUN"));
    settings.put("bootstrap.servers", System.getenv("BENCH_BROKER"));
    settings.put("state.dir", Files.createTempDirectory(Path.of(System.getenv("TMPDIR")), "kstreams-").toString());
    settings.put("num.stream.threads", "1");
    settings.put("default.key.serde", Serdes.ByteArraySerde.class.getName());
    settings.put("default.value.serde", Serdes.ByteArraySerde.class.getName());
    settings.put("auto.offset.reset", "earliest");
    settings.put("processing.guarantee", guarantee);
    settings.put("commit.interval.ms", exactly ? "100" : "1000");
    settings.put("replication.factor", "1");
    settings.put("producer.compression.type", "lz4");
    if (!exactly) {
      settings.put("producer.acks", "1");
      settings.put("producer.enable.idempotence", "false");
    }
    return settings;
  }

  static Topology topology() {
    String[] topics = new String[TOPICS.length];
    for (int i = 0; i < topics.length; i++) topics[i] = PREFIX + TOPICS[i];
    Rows rows = new Rows();
    Topology topology = new Topology();
    topology.addSource("in", topics);
    topology.addProcessor("step", Step::new, "in");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore("rows"), Serdes.ByteArray(), Serdes.serdeFrom(rows, rows))
            .withCachingEnabled(),
        "step");
    topology.addSink("out", System.getenv("BENCH_OUT"), "step");
    return topology;
  }

  public static void main(String[] arguments) throws Exception {
    KafkaStreams streams = new KafkaStreams(topology(), settings(arguments[0]));
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          Runtime.getRuntime().halt(1);
          return null;
        });
    streams.start();
    while (!done) Thread.sleep(5);
    double seconds = (System.nanoTime() - began) / 1e9;
    double cpuSeconds = (cpu() - beganCpu) / 1e9;
    streams.close(Duration.ofSeconds(20));
    System.out.printf(
        "RESULT {\"events\": %d, \"alerts\": %d, \"seconds\": %.4f, \"cpu_s\": %.4f}%n",
        handled, alerts, seconds, cpuSeconds);
    System.out.flush();
    System.exit(0);
  }
}
