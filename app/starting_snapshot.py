"""Train the model that is shipped: ``python -m app.starting_snapshot``.

The wheel carries weights, so where they come from must be plain and repeatable: the simulator alone, no row of any
data set. The file says so itself, with the measures on a second simulated population. Simulated people leave for
the reasons that we gave them; so the weights are a beginning that the learner replaces, and the measures are no claim
about a real operator.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

import click
import msgspec
import numpy as np
import numpy.typing as npt

from app.simulator.rates import Rates
from app.simulator.record import Record
from app.simulator.stream import simulate
from models.champion import Champion
from models.compiled import cutoffs
from models.decisions.detector import Detector
from models.events import DAY_MS, Arrival, Erasure, Outcome
from models.features.catalogue import NAMES, catalogue_hash
from models.hat_basis import HatBasis
from models.kernel.engine import features_of
from models.policy import Policy
from models.risk import Floats, Scorer
from models.snapshot import STARTING_SNAPSHOT, Curve, Example, Provenance, Snapshot, encode
from models.state.columns import ACTIVITY, OUTCOME
from models.state.population import Population
from streams.wire import Rejected, decode

START_MS: Final = 1_767_225_600_000
"""2026-01-01 UTC: a date is needed, any would do."""
HORIZON_DAYS: Final = 30
WARM_UP_DAYS: Final = 14
CHURN_PER_MONTH: Final = 0.05
"""More than in life, so that there are leavers to learn from; the served risk is shifted to the operator's rate."""
PASSES: Final = 3
KNOTS: Final = 5
L2: Final = 0.03
"""Few leavers are simulated. With more knots and no pull to zero the curves follow single people: less was found on the
second population, and three times as many risks moved with every event.
"""
_LEAVING: Final = frozenset({"ported_out", "disconnected", "lapsed"})
_PASSIVE: Final = frozenset({"suspended_arrears", "suspended_fraud", "left"})


class Rows(NamedTuple):
    """Weekly snapshots of everybody: features (F, n), and whether he left within the horizon."""

    x: Floats
    left: npt.NDArray[np.bool_]


class _Stored(NamedTuple):
    """A simulated record in the shape of a consumed one."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[()] = ()


class _Ends(NamedTuple):
    """When each subscriber left of his own will, as told; when he last used the service; when he was lost otherwise."""

    told: dict[str, int]
    last: dict[str, int]
    void: dict[str, int]


def arrivals_by_day(records: Iterator[Record]) -> Iterator[tuple[int, list[Arrival]]]:
    """Simulated records as a lane would get them, a day at a time."""
    for day, group in groupby(records, key=lambda record: (record.ts - START_MS) // DAY_MS):
        found = []
        for offset, record in enumerate(group):
            event = decode(record.topic, _Stored(offset, record.ts, record.key, record.value), None)
            if isinstance(event, Rejected):
                raise ValueError(f"the simulator wrote poison: {event}")
            found.append(Arrival(record.topic, offset, record.ts, event))
        yield day, found


def collect(seed: int, subscribers: int, days: int) -> Rows:
    """Live through a simulated population and look at a seventh of it every day."""
    ends, detector = _Ends({}, {}, {}), Detector(Scorer(_nothing_learned()), Policy(), 0)
    taken: list[tuple[str, int, Floats]] = []
    rates = Rates(churn_per_month=CHURN_PER_MONTH)
    for day, arrivals in arrivals_by_day(simulate(seed, subscribers, START_MS, days, rates=rates)):
        rest = arrivals
        while rest or detector.owed:
            rest = rest[detector.apply(rest) :]
            detector.take()
        for arrival in arrivals:
            _note_end(ends, arrival)
        if day >= WARM_UP_DAYS:
            taken += _looks(detector.population, day)
    return _labelled(taken, ends, START_MS + days * DAY_MS)


def _nothing_learned() -> Snapshot:
    """A model under which everybody is alike: the walk needs one, and nothing here asks it."""
    curves = [Curve(feature=name, knots=[0.0], values=[0.0]) for name in NAMES]
    rate = CHURN_PER_MONTH
    return Snapshot(version="m-0", curves=curves, intercept=0.0, base_rate=rate, catalogue_hash=catalogue_hash())


def _note_end(ends: _Ends, arrival: Arrival) -> None:
    event = arrival.event
    if isinstance(event, Erasure) or (isinstance(event, Outcome) and event.outcome == "involuntary"):
        ends.void.setdefault(event.subscriber_id, event.ts)
    elif isinstance(event, Outcome) and event.outcome in _LEAVING:
        ends.told.setdefault(event.subscriber_id, event.ts)
        ends.last.setdefault(event.subscriber_id, event.last_activity_ts or event.ts)


def _looks(population: Population, day: int) -> Iterator[tuple[str, int, Floats]]:
    now = START_MS + (day + 1) * DAY_MS
    rows = np.array(
        [r for r in population.live_rows().tolist() if crc32(population.id_of(r).encode()) % 7 == day % 7],
        dtype=np.int64,
    )
    first = population.blocks[ACTIVITY.name].column("first_ts")[rows]
    left = population.blocks[OUTCOME.name].column("left")[rows]
    rows = rows[(first <= now - 7 * DAY_MS) & (left == 0.0)]
    profiles = population.profiles
    active = [r for r in rows.tolist() if (p := profiles[r]) is not None and p.status not in _PASSIVE]
    kept = np.array(active, dtype=np.int64)
    x = features_of(population, kept, np.full(len(kept), float(now)))
    for i, row in enumerate(active):
        yield population.id_of(row), now, x[:, i].copy()


def _labelled(taken: list[tuple[str, int, Floats]], ends: _Ends, end: int) -> Rows:
    """A look is positive if the subscriber is told within the horizon to have left, or left within it.

    It is left out if he was lost otherwise, or if the simulation ends before all can be known.
    """
    columns, labels = [], []
    lapse = Rates().lapse_after_days * DAY_MS
    for subscriber_id, ts, x in taken:
        until = ts + HORIZON_DAYS * DAY_MS
        told, last = ends.told.get(subscriber_id), ends.last.get(subscriber_id)
        void = ends.void.get(subscriber_id)
        if (void is not None and ts < void <= until) or (told is not None and told <= ts):
            continue
        # Leavers are known sooner than stayers: to take them alone from the last weeks would make all of those leave.
        if until + lapse <= end:
            columns.append(x)
            labels.append(told is not None and (told <= until or (last is not None and ts < last <= until)))
    return Rows(np.array(columns).T, np.array(labels, dtype=bool))


def train(rows: Rows, passes: int = PASSES) -> Champion:
    """River's pass over the rows in the order of time, some times."""
    basis = HatBasis.of(NAMES, rows.x, KNOTS)
    champion = Champion(basis, base_rate=float(rows.left.mean()), l2=L2)
    for _ in range(passes):
        for column, left in zip(rows.x.T.tolist(), rows.left.tolist(), strict=True):
            champion.learn(column, left=left)
    return champion


def measures(risk: Floats, left: npt.NDArray[np.bool_]) -> dict[str, float]:
    """AUC, lift of the top tenth, and mean risk against the true rate.

    Examples
    --------
    >>> measures(np.array([0.9, 0.1, 0.2, 0.3]), np.array([True, False, False, False]))["roc_auc"]
    1.0
    """
    order = np.argsort(risk, kind="stable")
    ranks = np.empty(len(risk))
    ranks[order] = np.arange(1, len(risk) + 1)
    positives = int(left.sum())
    auc = (float(ranks[left].sum()) - positives * (positives + 1) / 2) / (positives * (len(left) - positives))
    top = order[-max(1, len(risk) // 10) :]
    return {
        "roc_auc": round(auc, 4),
        "lift_top_decile": round(float(left[top].mean() / left.mean()), 3),
        "mean_risk": round(float(risk.mean()), 5),
        "rate": round(float(left.mean()), 5),
    }


def finished(champion: Champion, rows: Rows, unseen: Rows, command: str) -> Snapshot:
    """The snapshot with cut-offs, measures and examples of a population that the model has not seen."""
    base_rate = float(rows.left.mean())
    bare = champion.snapshot("m-00000", base_rate, catalogue_hash())
    risk = Scorer(bare).score(unseen.x).risk
    picked = np.linspace(0, len(risk) - 1, 8).astype(int).tolist()
    return msgspec.structs.replace(
        bare,
        cutoffs=cutoffs(risk),
        examples=[
            Example(x=[None if np.isnan(v) else v for v in unseen.x[:, i].tolist()], risk=float(risk[i]))
            for i in picked
        ],
        provenance=Provenance(
            source="app.simulator, no other data; the measures are of simulated people",
            licence="Apache-2.0",
            command=command,
            rows=len(rows.left),
            positives=int(rows.left.sum()),
            measures=measures(risk, unseen.left),
        ),
    )


@click.command()
@click.option("--seed", default=1, show_default=True, help="Of the population to learn from; the next one measures.")
@click.option("--subscribers", default=3000, show_default=True)
@click.option("--days", default=120, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Default: the file that the wheel carries.")
def main(seed: int, subscribers: int, days: int, out: Path | None) -> None:
    """Train the starting model on simulated subscribers and write it down."""
    rows = collect(seed, subscribers, days)
    unseen = collect(seed + 1, subscribers, days)
    command = f"python -m app.starting_snapshot --seed {seed} --subscribers {subscribers} --days {days}"
    snapshot = finished(train(rows), rows, unseen, command)
    path = out or Path(str(files("models") / STARTING_SNAPSHOT))
    path.write_bytes(msgspec.json.format(encode(snapshot), indent=1) + b"\n")
    click.echo(f"{path}: {len(snapshot.curves)} curves from {snapshot.provenance.rows} rows", err=True)
    click.echo(msgspec.json.encode(snapshot.provenance.measures).decode())


if __name__ == "__main__":
    main()
