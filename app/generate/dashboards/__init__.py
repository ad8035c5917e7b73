"""Grafana dashboards over the product's metrics: ``python -m app.generate.dashboards`` writes ``deploy/grafana/``.

``plan`` defines what a panel is made of; begin with ``operations``. Tests run every query on a real Prometheus, and
fail when the files differ from what this makes, or when a metric is neither on a panel nor among those left out.
"""
