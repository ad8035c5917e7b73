"""Re-run of a recorded history, by the policy that was in force or by another one.

Begin with :mod:`~streams.history.fold_again`; :mod:`~streams.history.recorded_log` reads what the topics still hold,
:mod:`~streams.history.desk_order` puts the lanes' records for the desk in order. It may import every package of
``streams`` but the desk and the embedded Kafka.
"""
