"""The features of the model, each declared once, in one module per source.

Begin with :mod:`models.features.catalogue`. A feature has a name, a unit, texts, and a formula over the columns of
:mod:`models.state.columns`; :mod:`models.kernel` compiles the formulas. Nothing here computes.
"""
