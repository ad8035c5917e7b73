"""``holdfast alerts``: follow the alerts, or look one up. Begin with :mod:`~app.alerts.command`."""
