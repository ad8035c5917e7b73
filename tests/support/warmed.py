"""What processes of a test session share from their start: the product, imported and compiled.

Loaded by the server of :mod:`support.warm_start`, before it forks any of them.
"""

from __future__ import annotations

import gc

import app.alerts.command
import app.learner.command
import app.learner.process
import app.worker.command
import app.worker.process  # noqa: F401
from models.scoring.rehearsal import rehearse

rehearse()
gc.collect()
gc.freeze()  # a child that looks through these for garbage would copy their pages
