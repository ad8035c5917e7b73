"""The hot path: one event at a time into a subscriber's row, its features, its risk, and whether it needs a decision.

It is plain Python that Numba compiles. The parts are written by hand where they are about events and time
(:mod:`~models.kernel.arithmetic`, :mod:`~models.kernel.updates`, :mod:`~models.kernel.walk`) and about bytes
(:mod:`~models.kernel.plain_event`, :mod:`~models.kernel.blake2b`, :mod:`~models.kernel.byte_lookup`), and about Kafka's
records (:mod:`~models.kernel.record_batch` reads them, :mod:`~models.kernel.merge` puts them in order,
:mod:`~models.kernel.murmur2` knows their partition, :mod:`~models.kernel.record_bytes` writes the state's); what
follows from the declarations of columns and features is generated (:mod:`~models.features.kernel_text`). All of it
stands in one file, :mod:`~models.kernel.compiled`, since Numba's cache looks at the file of a function alone and would
not see that another one has changed. ``python -m app.generate.kernel`` writes it anew.

:mod:`~models.kernel.arrivals` turns events into numbers, :mod:`~models.kernel.reader` does so from their bytes where
they are plain, and :mod:`~models.scoring.engine` binds rows, model and policy and calls the compiled code. Nothing
here decides anything about people.
"""
