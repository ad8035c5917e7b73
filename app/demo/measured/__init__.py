"""What the demonstration measures from outside: exactness, pace, recovery, the way from a story to its alert.

Begin with :mod:`~app.demo.measured.tally`. Everything here is read from topics, ``/metrics`` and logs; nothing asks the
worker itself.
"""
