"""Deadlines: what becomes due by time alone, derived from a subscriber's columns and book.

It knows signals and ticks, and nothing of alerts. Begin with :mod:`models.decisions.deadlines.next_look`.
"""
