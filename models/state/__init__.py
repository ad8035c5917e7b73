"""The subscribers of a lane as rows of numbers, and their records in the state topic.

Begin with :mod:`models.state.columns`, which names the numbers; :mod:`models.state.population` keeps them, and
:mod:`models.state.state_records` writes them. This package may import the contract and the compiled code that writes
records; no features, no model, no decisions.
"""
