"""Corporate accounts whose lines leave together: one incident, handled as a breach of the account.

An account has a file like a person's. Begin with ``exodus``, which decides whether lines leave together and words the
incident; it uses the contract and the lanes' contact rules. ``incidents`` keeps the accounts, on top of the desk's
decisions and registry.
"""
