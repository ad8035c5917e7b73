"""Composition and processes: what an operator starts, and the only place where the wall clock is read.

The command line, the settings, the worker that hosts the lanes, the learner, the console, the simulator, metrics,
health and the watchdog. It may import ``streams`` and ``models``; neither may import it.
"""
