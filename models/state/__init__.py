"""The subscribers of a lane as rows of numbers, and what the state topic holds of them.

Begin with :mod:`models.state.columns`, which names the numbers; :mod:`models.state.population` keeps them, and
:mod:`models.state.subscriber_index` finds their rows. It knows events and the wire of state records, no features, no
model, no decisions; of the kernel only the compiled table of words.
"""
