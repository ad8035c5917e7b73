"""``holdfast policy``: the policy in force as a commented file; checking a file; publishing it to the workers.

Begin with :mod:`~app.policy.command`.
"""
