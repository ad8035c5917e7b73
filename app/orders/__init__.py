"""``holdfast orders``: a unit's list of today, the life of one work order, and the steps as they come.

Begin with :mod:`~app.orders.command`. It reads topics as ``app.alerts`` does, and uses its texts.
"""
