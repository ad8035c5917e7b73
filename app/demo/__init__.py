"""``holdfast demo``: everything on one machine, with a simulated population and a real Kafka.

All data comes from ``app.simulator``: it shows the product at work, not the quality of a model.
"""

from __future__ import annotations

from app.demo.command import demo

__all__ = ["demo"]
