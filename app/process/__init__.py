"""Parts of every long-running process: logs, health, metric series, exit, compiled code.

Begin with :mod:`~app.process.ending`. Worker, learner, relay and commands use it; it may import settings, and no
process or command.
"""
