"""What the model knows about a subscriber: each feature declared once, by the source that it is made of.

Begin with :mod:`models.features.catalogue`. A feature has a name, a unit, texts, and a formula over the columns of
:mod:`models.state.columns`; :mod:`models.kernel` compiles the formulas. Nothing here computes.
"""
