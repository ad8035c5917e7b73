"""How a scene reaches its watcher: a screen, lines of a log, or one JSON object, in two languages.

Begin with :mod:`~app.demo.shown.view`.
"""
