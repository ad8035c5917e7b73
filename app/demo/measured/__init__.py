"""Measurements of the demonstration from outside: exactness, pace, recovery, time from a story to its alert.

Begin with :mod:`~app.demo.measured.tally`. Everything is read from topics, ``/metrics`` and logs, not from inside the
worker.
"""
