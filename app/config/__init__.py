"""Configuration by the operator: settings from file, environment and flags, the policy, the learner's numbers.

Begin with :mod:`~app.config.settings`; :mod:`~app.config.setting_sources` defines which source wins, and
:mod:`~app.config.options` makes flags of the settings. Every process and command may import it; of ``app`` it imports
the errors only.
"""
