"""The subscribers of a lane as rows of numbers, and what the state topic holds of them.

Begin with :mod:`models.state.columns`, which names the numbers; :mod:`models.state.population` keeps them. It knows
events and the wire of state records, no features, no model, no decisions.
"""
