"""``holdfast policy``: the policy in force as a commented file; checking a file; publishing it to the workers.

Begin with :mod:`~app.policy.command`; :mod:`~app.policy.page` writes the file, with the comments of
:mod:`~app.policy.field_words`. It may import settings, what processes share, and ``streams``, but no other verb.
"""
