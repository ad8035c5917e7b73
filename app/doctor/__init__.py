"""``holdfast doctor``: what is wrong with Kafka, workers or this machine. Begin with :mod:`~app.doctor.command`."""
