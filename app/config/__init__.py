"""What an operator can set: settings from file, environment and flags, the policy, the learner's numbers.

Begin with :mod:`~app.config.settings`; :mod:`~app.config.setting_sources` says which source wins, and
:mod:`~app.config.options` makes flags of it. Every process and verb may import it.
"""
