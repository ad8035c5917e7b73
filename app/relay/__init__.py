"""``holdfast relay``: alerts to HTTP endpoints, and digests to chat and mail, for those without Kafka.

Begin with :mod:`~app.relay.process`. Each endpoint has a route and a consumer group: none waits for another. It may
import what processes share, and :mod:`app.alerts` for its filters and words.
"""
