"""Parts of every long-running process: logs, health, metric series, exit, compiled code.

Begin with :mod:`~app.process.ending`. Worker and learner use it; it imports neither.
"""
