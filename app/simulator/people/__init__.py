"""Who is simulated: traits, homes, price list, paths to leaving, and what these do to everyday life.

Begin with :mod:`~app.simulator.people.population`.
"""
