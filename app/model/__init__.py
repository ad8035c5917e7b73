"""``holdfast model``: the served model and its measured quality, as tables and plots, and the segments at risk.

Begin with :mod:`~app.model.command`; :mod:`~app.model.model_status` reads everything from the topics. It may import
settings, what processes share, and ``streams``, but no other verb.
"""
