"""Holdfast with its desk left out: ``python without_desk.py worker``, otherwise as ``holdfast worker``.

A lane writes its alerts itself, in its own transaction and partition, as before there was a desk, and nothing of what
only a desk would hear. So nobody counts contacts or hands, and there are no work orders.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import app.worker.process as worker
from app.cli import main
from models.contract.breaches import Breach
from models.detection.outbox import Output
from streams.lanes import detection_fold
from streams.records.out_records import AnyRecord, out_records


def written(outputs: Iterable[Output], group: str) -> list[AnyRecord]:
    """The records of decisions, alerts among them."""
    kept: list[Output] = []
    for output in outputs:
        if output.kind != "heard":
            kept.append(output)
        elif isinstance(output.body, Breach):
            alert = output.body.alert
            kept.append(output._replace(kind="alert", body=alert, ce_id=f"{alert.alert_id}:{alert.seq}"))
    return out_records(kept, group)


detection_fold.out_records = written
worker.DeskHost = lambda *_: None

if __name__ == "__main__":
    sys.exit(main())
