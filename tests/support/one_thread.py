"""Before anything loads NumPy: one thread for its matrices, as the learner's process has it."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
