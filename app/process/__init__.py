"""What every long-running process has: logs, health, metric series, one way to end, compiled code.

Begin with :mod:`~app.process.ending`. Worker and learner stand on it; it imports no process.
"""
