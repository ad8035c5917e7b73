"""A simulated population with realistic behaviour, for demonstrations and load.

Everything from this package is **simulated**: the people, their calls, why they leave and when. The paths to leaving
are invented, so a model that finds them has only found what we put there. No quality of detection may be quoted from it
without saying so; it serves to show the product at work, and to load it.
"""

from __future__ import annotations

from app.simulator.rates import Rates
from app.simulator.stories import STORIES, Story, story
from app.simulator.stream import simulate

__all__ = ["STORIES", "Rates", "Story", "simulate", "story"]
