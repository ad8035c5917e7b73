"""A simulated population with real shapes, for demonstrations and load.

Everything that leaves this package is **simulated**: the people, their calls, why they leave and when. The paths to
leaving were written down by us, so a model that finds them again has only found what we hid. No quality of detection
may be quoted from it without saying so; what it is good for is showing the product at work, and loading it.
"""

from __future__ import annotations

from app.simulator.rates import Rates
from app.simulator.stories import STORIES, Story, story
from app.simulator.stream import simulate

__all__ = ["STORIES", "Rates", "Story", "simulate", "story"]
