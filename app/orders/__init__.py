"""``holdfast orders``: a unit's list of today, the life of one work order, and the steps as they come.

Begin with :mod:`~app.orders.command`; :mod:`~app.orders.order_book` gathers the orders from their topic. It reads
topics as :mod:`app.alerts` does, which it may import for that, and uses its words.
"""
