"""The desk: decides which breaches lead to a contact now, by whom and over which channel, and follows what came of it.

It is a fold of ``churn.breaches.v1`` alone: equal records in equal order give equal bytes. It uses the contract, the
lanes' contact rules and the key and value of a state record. Begin with :mod:`models.desk.desk`, which applies a record
and does what is due; then, in the order in which a breach passes them:

- ``lanes``: how far each lane is, and whose record comes next;
- ``desk_context``: the time and the policy of each decision;
- ``registry``: the person of each number, and when they are next due; ``persons`` is what is kept of a person;
- ``decisions``: raised, withheld or waiting, and the order of those; ``contact_limits`` gives reasons against;
- ``instructions``: manual instructions about a person or an account, which ``contact_limits`` looks up;
- ``dispatch``: the work order that answers it; ``capacity`` is what units can do;
- ``effect``: how many stayed after a contact, by unit and by play, and why leavers left;
- ``publications``: the records that it publishes;
- ``accounts``: corporate accounts whose lines leave together.
"""
