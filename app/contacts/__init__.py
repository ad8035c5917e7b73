"""``holdfast contacts``: manual instructions on who is not contacted, and who is in spite of caps.

All of it is in :mod:`~app.contacts.command`: an instruction is one feedback record, written through
:mod:`app.publishing.feedback`. It may import :mod:`app.alerts`, whose masking and reading of topics it uses.
"""
