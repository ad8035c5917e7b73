"""``holdfast worker``: the process that hosts the lanes, and the desk beside lane 0.

Begin with :mod:`~app.worker.process`, where settings, lanes, Faust, metrics and the watchdog are put together;
:mod:`~app.worker.progress_verdict` judges whether it still works. It may import settings and what processes share, but
no other verb.
"""
