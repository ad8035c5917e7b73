"""``holdfast model``: what is served and how good it was, as a sheet, as pictures, in groups of subscribers.

Begin with :mod:`~app.model.command`; :mod:`~app.model.standing` reads all of it from the topics.
"""
