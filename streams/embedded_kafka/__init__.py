"""A real Apache Kafka on loopback, for the demo, the tests and first steps: Java, jars, a directory, a process.

Begin with :mod:`~streams.embedded_kafka.broker`. It is independent of lanes and topics, and imports no other package of
ours.
"""
