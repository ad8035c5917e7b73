"""A real Apache Kafka on loopback, for the demo, the tests and first steps: Java, jars, a directory, a process.

Begin with :mod:`~streams.embedded.broker`. It knows nothing of lanes or of the product's topics, and imports nothing of
ours.
"""
