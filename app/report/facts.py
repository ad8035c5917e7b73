"""The facts of the report: records of the topics as rows of SQLite, in a temporary file or in the operator's.

One table a kind of fact; :data:`SCHEMA` is the whole of it. Rows keep the contract's rules: an older profile changes
nothing, an ``event_id`` counts once for its subscriber and topic, what cannot be read is counted and left out, and an
erased subscriber is deleted and stays so, by a hash.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from app.report.record_rows import DELETED, Row, rows_of, whose
from models.analysis.service_spans import service_spans
from models.contract.alerts import subscriber_hash
from models.contract.events import REACHED
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS
from models.detection.alert_body import segment
from models.detection.contact_rules import held_out
from streams.kafka.whole_topics import Chunk, Place
from streams.records.topics import BY_NAME

KEPT_DAYS: Final = 400
"""What a store keeps of bills, contacts, alerts and orders: the longest look-back is 180 days and two months before."""
VERSION: Final = 1
"""Of the tables; a store of another version is refused."""
_CACHE_KIB: Final = 64 << 10
"""Of the tables, and again of those that are made for a report."""
_DATED: Final = "subscriber_id TEXT NOT NULL, ts INTEGER NOT NULL, event_id TEXT"
SCHEMA: Final = f"""
CREATE TABLE places (topic TEXT, partition INTEGER, topic_id TEXT, next INTEGER, first_ts INTEGER,
                     gone INTEGER, last_ts INTEGER,
                     PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE erased (hash TEXT PRIMARY KEY, ts INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE profiles (subscriber_id TEXT PRIMARY KEY, ts INTEGER NOT NULL, status TEXT, activated_ts INTEGER,
                       person TEXT, unit TEXT, arpu REAL) WITHOUT ROWID;
CREATE TABLE outcomes ({_DATED}, outcome TEXT NOT NULL);
CREATE TABLE bills ({_DATED}, kind TEXT NOT NULL, amount REAL NOT NULL);
CREATE TABLE care ({_DATED}, reason TEXT NOT NULL, status TEXT NOT NULL, case_id TEXT, due_ts INTEGER,
                   appointment_ts INTEGER);
CREATE TABLE contacts ({_DATED});
CREATE TABLE feedback ({_DATED}, status TEXT NOT NULL, alert_id TEXT);
CREATE TABLE breaches (decision TEXT PRIMARY KEY, subscriber_id TEXT, ts INTEGER NOT NULL, alert_id TEXT, kind TEXT,
                       event TEXT, tier TEXT, unit TEXT, reason TEXT) WITHOUT ROWID;
CREATE TABLE steps (order_id TEXT, seq INTEGER, subscriber_id TEXT, ts INTEGER NOT NULL, step TEXT, unit TEXT,
                    channel TEXT, contact_by INTEGER, PRIMARY KEY (order_id, seq)) WITHOUT ROWID;
CREATE TABLE order_alerts (alert_id TEXT PRIMARY KEY, subscriber_id TEXT, ts INTEGER NOT NULL, order_id TEXT)
             WITHOUT ROWID;
CREATE TABLE tiers (subscriber_id TEXT, ts INTEGER, tier TEXT, PRIMARY KEY (subscriber_id, ts)) WITHOUT ROWID;
CREATE INDEX breaches_by_subscriber ON breaches (subscriber_id, ts);
CREATE INDEX breaches_by_time ON breaches (ts);
CREATE INDEX steps_by_deadline ON steps (contact_by);
CREATE INDEX steps_by_subscriber ON steps (subscriber_id);
CREATE INDEX order_alerts_by_subscriber ON order_alerts (subscriber_id);
PRAGMA user_version = {VERSION};
"""
_EVENTS: Final = ("outcomes", "bills", "care", "contacts", "feedback")
_PERSONAL: Final = ("profiles", *_EVENTS, "breaches", "steps", "order_alerts", "tiers")
_PRUNED: Final = ("bills", "care", "contacts", "feedback", "breaches", "steps", "order_alerts", "tiers")
DERIVED: Final = """
CREATE TEMP TABLE presence (subscriber_id TEXT, since INTEGER, until INTEGER, how TEXT);
CREATE TEMP TABLE people (subscriber_id TEXT PRIMARY KEY, person TEXT, unit TEXT, segment TEXT, held INTEGER)
            WITHOUT ROWID;
CREATE TEMP TABLE touches (touch TEXT, subscriber_id TEXT, person TEXT, ts INTEGER, unit TEXT, kind TEXT, ours INTEGER);
"""
"""Made anew for each report: when each subscriber was in service, people by the policy in force, and contacts.

`touches` has one row for each order (or alert, or walk-in and day) that led to a contact, at its first one, and one for
each contact by another department. `kind` is that of the alert; ``walk_in`` without one.
"""


class StoreError(Exception):
    """A file that is no store of this version, or of other topics."""


class Facts:
    """The database, filled chunk by chunk; a context manager.

    At any time one chunk is in memory, and pages of the database up to 128 MiB; what is more goes to temporary files.

    Parameters
    ----------
    store
        The operator's file, which keeps what was read; None for a database that ends with the report.
    source
        The brokers and the prefix: a store is of one of them.
    policy
        Gives segments and the hold-out.

    Attributes
    ----------
    db
        For queries, after :meth:`derive`.
    unread
        Records that could not be read, by topic.
    """

    def __init__(self, store: Path | None, source: str, policy: Policy) -> None:
        self.unread: dict[str, int] = {}
        self._policy = policy
        try:
            if store is not None:
                os.close(os.open(store, os.O_RDWR | os.O_CREAT, 0o600))  # it names customers
            # An empty name is a temporary file of SQLite's own, which is written only when the page cache is full.
            self.db = sqlite3.connect("" if store is None else store, isolation_level=None)
        except (OSError, sqlite3.DatabaseError) as error:
            raise StoreError(f"{store} cannot be used as a store: {error}") from None
        try:
            self._set_up(store is not None)
            self._check(source)
        except (StoreError, sqlite3.DatabaseError) as error:
            self.db.close()
            raise StoreError(f"{store} cannot be used as a store: {error}") from None
        self._erased: dict[str, int] = dict(self.db.execute("SELECT hash, ts FROM erased"))

    def _set_up(self, lasting: bool) -> None:
        self.db.execute("PRAGMA temp_store = FILE")
        for schema in ("main", "temp"):
            self.db.execute(f"PRAGMA {schema}.cache_size = -{_CACHE_KIB}")
        if lasting:
            # Or an erased subscriber would stay in the pages that are free.
            self.db.execute("PRAGMA main.secure_delete = ON")
        else:
            self.db.execute("PRAGMA synchronous = OFF")
            self.db.execute("PRAGMA journal_mode = OFF")  # nothing of it outlives this process

    def _check(self, source: str) -> None:
        """Make the tables of a new database; a file with others is left as it is."""
        [version] = self.db.execute("PRAGMA user_version").fetchone()
        if not self.db.execute("SELECT 1 FROM sqlite_master").fetchone():
            self.db.executescript(SCHEMA + "".join(_indexes(table) for table in _EVENTS))
            self.db.execute("CREATE TABLE source (name TEXT)")
            self.db.execute("INSERT INTO source VALUES (?)", (source,))
        elif version != VERSION:
            raise StoreError("it is of something else, or of another release")
        elif self.db.execute("SELECT name FROM source").fetchall() != [(source,)]:
            raise StoreError("it keeps the topics of another cluster or another prefix")

    def __enter__(self) -> Facts:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the database."""
        self.db.close()

    def places(self) -> dict[Place, tuple[str, int]]:
        """Where earlier reads have ended, as :func:`streams.kafka.whole_topics.read_chunks` takes it."""
        found = self.db.execute("SELECT topic, partition, topic_id, next FROM places")
        return {(topic, partition): (topic_id, reached) for topic, partition, topic_id, reached in found}

    def take(self, chunk: Chunk, now_ms: int) -> None:
        """Add a chunk and its place, both or neither."""
        rows: dict[str, list[tuple[Any, ...]]] = {}
        with self.db:
            self.db.execute("BEGIN IMMEDIATE")
            for record in chunk.records:
                for table, row in self._rows(chunk.topic, record):
                    rows.setdefault(table, []).append(row)
            for table, found in rows.items():
                self.db.executemany(_INSERTS[table], found)
            self._note(chunk, now_ms)

    def _rows(self, topic: str, record: Any) -> Iterator[Row]:
        try:
            for table, row in rows_of(topic, record):
                if table == "erased":
                    self._erase(*row)
                elif not self._is_erased(*whose(table, row)):
                    yield table, row
        except msgspec.MsgspecError:
            self.unread[topic] = self.unread.get(topic, 0) + 1

    def _erase(self, subscriber_id: str, ts: int) -> None:
        name = subscriber_hash(subscriber_id)
        self._erased[name] = max(ts, self._erased.get(name, ts))
        self.db.execute("INSERT OR REPLACE INTO erased VALUES (?, ?)", (name, self._erased[name]))
        for table in _PERSONAL:
            self.db.execute(f"DELETE FROM {table} WHERE subscriber_id = ? AND ts <= ?", (subscriber_id, ts))

    def _is_erased(self, subscriber_id: str | None, ts: int) -> bool:
        return bool(self._erased) and ts <= self._erased.get(subscriber_hash(subscriber_id or ""), -1)

    def _note(self, chunk: Chunk, now_ms: int) -> None:
        """Keep how far the partition is read, from when on its records are known, and whether earlier ones are gone."""
        known = self.db.execute(
            "SELECT next, first_ts, gone, last_ts FROM places WHERE topic = ? AND partition = ?",
            (chunk.topic, chunk.partition),
        ).fetchone()
        reached, first, gone, last = (0, None, False, None) if known is None else known
        times = [record.timestamp for record in chunk.records if record.timestamp >= 0]
        oldest, last = min(times, default=None), max((*times, last or 0)) or None
        # A compacted topic loses only what is superseded.
        lost = chunk.begins > reached and BY_NAME[chunk.topic].config["cleanup.policy"] != "compact"
        if lost or first is None:
            first = now_ms if oldest is None and lost else oldest
        self.db.execute(
            "INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?, ?, ?, ?)",
            (chunk.topic, chunk.partition, chunk.topic_id, chunk.next, first, gone or lost, last),
        )

    def known_from(self, topic: str) -> int | None:
        """From when on all records of a topic are known: where deletion has stopped, else the first record of all.

        None if nothing was ever written: then nothing is known of any time.
        """
        [gone] = self.db.execute("SELECT max(first_ts) FROM places WHERE topic = ? AND gone", (topic,)).fetchone()
        if gone is not None:
            return int(gone)
        [begun] = self.db.execute("SELECT min(first_ts) FROM places").fetchone()
        return None if begun is None else int(begun)

    def known_to(self) -> int:
        """Time of the newest record of an input, ms; 0 if there is none.

        Those of outputs do not count: they have the time at which they were written.
        """
        found = self.db.execute("SELECT topic, last_ts FROM places WHERE last_ts IS NOT NULL")
        return max((last for topic, last in found if BY_NAME[topic].role == "input"), default=0)

    def prune(self, now_ms: int) -> None:
        """Delete from a store what is older than :data:`KEPT_DAYS`, and keep that it is gone."""
        cut = now_ms - KEPT_DAYS * DAY_MS
        with self.db:
            self.db.execute("BEGIN IMMEDIATE")
            for table in _PRUNED:
                self.db.execute(f"DELETE FROM {table} WHERE ts < ?", (cut,))
            self.db.execute("UPDATE places SET first_ts = ? WHERE first_ts < ?", (cut, cut))

    def derive(self) -> None:
        """Make the tables of :data:`DERIVED`; call it once all chunks are taken."""
        self.db.executescript(DERIVED)
        self.db.create_function("held_out", 1, self._held_out, deterministic=True)
        self.db.create_function("segment", 1, self._segment, deterministic=True)
        with self.db:
            self.db.execute("BEGIN")
            self.db.executemany("INSERT INTO presence VALUES (?, ?, ?, ?)", self._presences())
            self.db.execute(
                "INSERT INTO people SELECT subscriber_id, coalesce(person, subscriber_id), unit, segment(arpu),"
                " held_out(coalesce(person, subscriber_id)) FROM profiles"
            )
            self.db.execute(_TOUCHES)
        self.db.executescript(
            "CREATE INDEX temp.presence_of ON presence (subscriber_id, until);"
            "CREATE INDEX temp.touches_of ON touches (person, ts);"
        )

    def _held_out(self, person: str) -> bool:
        return held_out(None, person, self._policy.contact)

    def _segment(self, arpu: float | None) -> str | None:
        return None if arpu is None else segment(arpu, self._policy)

    def _presences(self) -> Iterator[tuple[Any, ...]]:
        """Spans of all subscribers that have a profile or have left, one subscriber at a time."""
        profiles = self.db.execute(
            "SELECT subscriber_id, ts, replace(status, :gone, 'left'), activated_ts FROM profiles"
            " WHERE status <> :gone OR coalesce(activated_ts, person, unit, arpu) IS NOT NULL ORDER BY 1",
            {"gone": DELETED},
        )
        outcomes = self.db.execute("SELECT subscriber_id, ts, outcome FROM outcomes ORDER BY 1, 2, rowid")
        profile, outcome = profiles.fetchone(), outcomes.fetchone()
        while profile or outcome:
            who = min(each[0] for each in (profile, outcome) if each)
            known = None
            if profile and profile[0] == who:
                known, profile = profile[1:], profiles.fetchone()
            came = []
            while outcome and outcome[0] == who:
                came.append(outcome[1:])
                outcome = outcomes.fetchone()
            spans = service_spans(known, came)
            if known is not None or any(span.how for span in spans):
                yield from ((who, *span) for span in spans)


def _indexes(table: str) -> str:
    """Indexes of a table of events; the second one drops what was sent twice, where it has an ``event_id``."""
    return (
        f"CREATE INDEX {table}_of ON {table} (subscriber_id, ts); CREATE INDEX {table}_by_time ON {table} (ts);"
        f"CREATE UNIQUE INDEX {table}_once ON {table} (subscriber_id, event_id);"
    )


_INSERTS: Final = {
    "profiles": "INSERT INTO profiles VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (subscriber_id) DO UPDATE SET"
    " ts = excluded.ts, status = excluded.status, "
    + ", ".join(
        f"{name} = CASE excluded.status WHEN '{DELETED}' THEN profiles.{name} ELSE excluded.{name} END"
        for name in ("activated_ts", "person", "unit", "arpu")
    )
    + f" WHERE excluded.ts >= profiles.ts OR '{DELETED}' IN (profiles.status, excluded.status)",
    "outcomes": "INSERT OR IGNORE INTO outcomes VALUES (?, ?, ?, ?)",
    "bills": "INSERT OR IGNORE INTO bills VALUES (?, ?, ?, ?, ?)",
    "care": "INSERT OR IGNORE INTO care VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    "contacts": "INSERT OR IGNORE INTO contacts VALUES (?, ?, ?)",
    "feedback": "INSERT OR IGNORE INTO feedback VALUES (?, ?, ?, ?, ?)",
    "breaches": "INSERT OR IGNORE INTO breaches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "steps": "INSERT OR IGNORE INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    "order_alerts": "INSERT OR REPLACE INTO order_alerts VALUES (?, ?, ?, ?)",
    "tiers": "INSERT OR REPLACE INTO tiers VALUES (?, ?, ?)",
}
_TOUCHES: Final = f"""
INSERT INTO touches
SELECT touch, subscriber_id, person, min(ts), unit, kind, 1
FROM (
    SELECT coalesce(o.order_id, f.alert_id, f.subscriber_id || ' ' || f.ts / {DAY_MS}) AS touch,
           f.subscriber_id, coalesce(p.person, f.subscriber_id) AS person, f.ts,
           (SELECT s.unit FROM steps s WHERE s.order_id = o.order_id AND s.ts <= f.ts ORDER BY s.seq DESC LIMIT 1)
           AS unit,
           CASE WHEN f.alert_id IS NULL THEN 'walk_in' ELSE
           (SELECT b.kind FROM breaches b WHERE b.subscriber_id = f.subscriber_id AND b.alert_id = f.alert_id) END
           AS kind
    FROM feedback f LEFT JOIN order_alerts o ON o.alert_id = f.alert_id
                    LEFT JOIN people p ON p.subscriber_id = f.subscriber_id
    WHERE f.status IN {tuple(sorted(REACHED))}
)
GROUP BY touch
UNION ALL
SELECT NULL, c.subscriber_id, coalesce(p.person, c.subscriber_id), c.ts, NULL, NULL, 0
FROM contacts c LEFT JOIN people p ON p.subscriber_id = c.subscriber_id
"""
