"""``holdfast demo``: everything on one machine, with a simulated population and a real Kafka.

All it shows is made up by ``app.simulator``: it shows the product at work, and no figure of a model's quality.
"""

from __future__ import annotations

from app.demo.command import demo

__all__ = ["demo"]
