"""The hot path: folds one event at a time into a subscriber's row, scores it, and returns whether a decision is due.

It is plain Python that Numba compiles. Hand-written parts deal with events and time
(:mod:`~models.kernel.arithmetic`, :mod:`~models.kernel.row_fold`, :mod:`~models.kernel.walk`), with the bytes of events
(:mod:`~models.kernel.plain_event`), and with Kafka's records (:mod:`~models.kernel.kafka_records` reads and orders
them, computes their partition, and writes those of the state).
:mod:`~models.features.kernel_text` generates the rest from the declarations of columns and features. All of it goes
into one file, :mod:`~models.kernel.compiled`, since Numba's cache checks only the file of a function and would not
notice a change in another. ``python -m app.generate.kernel`` rewrites it.

:mod:`~models.kernel.arrivals` turns events into numbers, those of plain events directly from their bytes,
and :mod:`~models.scoring.engine` binds rows, model and policy and calls the compiled code. Nothing
here decides anything about people.
"""
