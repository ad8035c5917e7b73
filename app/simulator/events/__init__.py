"""What the simulated subscribers do: calls, data, visits, bills, contacts, and the single events of each path.

Begin with :mod:`~app.simulator.events.usage`.
"""
