"""``holdfast doctor``: what is wrong with Kafka, workers or this machine, each finding with what to do.

Begin with :mod:`~app.doctor.command`. :mod:`~app.doctor.machine_checks` needs no broker,
:mod:`~app.doctor.cluster_checks` asks one and writes nothing; a check is a function that returns a
:class:`~app.doctor.finding.Finding`. It may import settings, what processes share, and ``streams``, but no other verb.
"""
