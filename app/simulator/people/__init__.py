"""The simulated subscribers: traits, homes, price list, paths to leaving, and how these change behaviour.

Begin with :mod:`~app.simulator.people.population`.
"""
