"""``holdfast worker``: the process that hosts the lanes.

Begin with :mod:`~app.worker.process`, where settings, lanes, Faust, metrics and the watchdog are put together;
:mod:`~app.worker.progress_verdict` judges whether it still works.
"""
