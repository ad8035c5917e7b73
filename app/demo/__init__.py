"""``holdfast demo``: everything on one machine, with a simulated population and a real Kafka.

All its data is made up by ``app.simulator``: it shows the product at work, not the quality of a model.
"""

from __future__ import annotations

from app.demo.command import demo

__all__ = ["demo"]
