"""``holdfast demo``: everything on one machine, with a simulated population and a real Kafka.

All data comes from :mod:`app.simulator`: it shows the product at work, not the quality of a model. Begin with
:mod:`~app.demo.command` and :mod:`~app.demo.show`, which starts the processes; :mod:`~app.demo.scene` is the state
behind the screen. It may import every verb.
"""

from __future__ import annotations

from app.demo.command import demo

__all__ = ["demo"]
