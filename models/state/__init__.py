"""The subscribers of a lane as rows of numbers, and what the state topic holds of them.

Begin with :mod:`models.state.columns`, which names the numbers; :mod:`models.state.population` keeps them, and
:mod:`models.state.state_records` writes them. It knows events and the wire of state records, and of the hot path the
part that writes them; no features, no model, no decisions.
"""
