"""The numbers of the learner. All are counts of examples, never times: the same examples must give the same models."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from models.guards import GuardBounds

Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(gt=0, lt=1)]


class LearnerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """See the module. A label here is one of a weekly row, since nothing else is learned."""

    warm_rows: Annotated[int, Meta(ge=50, le=1_000)] = 1_000  # unlabelled rows on which knots are frozen
    knots: Annotated[int, Meta(ge=2, le=16)] = 10  # a feature; 10-12 were best on real data
    l2: Annotated[float, Meta(ge=0)] = 0.0  # pull of the weights to zero: none, labels keep coming
    window: Annotated[int, Meta(ge=1_000, le=8_000)] = 8_000  # rows of evidence: more would not fit a checkpoint
    alert_window: Annotated[int, Meta(ge=1, le=2_000)] = 2_000  # rows taken at alerts: precision only
    recent_rows: Annotated[int, Meta(ge=50, le=400)] = 400  # whole rows after the freeze: drift, medians, examples
    seen_ids: Annotated[int, Meta(ge=1, le=8_192)] = 8_192  # example ids remembered against duplicates
    leavers: Annotated[int, Meta(ge=1, le=2_000)] = 2_000  # who left, remembered for lead time and contradictions
    held: Annotated[int, Meta(ge=1, le=2_000)] = 1_000  # leavers' examples that wait until their week is known
    horizon_days: Annotated[float, Meta(gt=0)] = 30.0  # of the label: a leaver within it cannot be a negative
    min_labels: Count = 1_000  # rows of evidence, before anything is promoted
    min_positives: Count = 50  # among them: an AUC of fewer is known to 0.04 only
    refresh_positives: Count = 15  # since the last publication, before a model that was promoted follows itself
    floor_auc: Share = 0.55  # nothing below is published, whatever it is better than
    margin: Annotated[float, Meta(ge=0)] = 0.01  # AUC that may be lost for an honest risk
    cool_down: Count = 2_000  # labels of peace after a promotion or a rollback
    publish_every: Count = 1_000  # labels between a model and its follower
    look_every: Count = 250  # labels between two looks at evidence, guards and drift
    fresh_life: Count = 6_000  # rows on which a model begun after drift must have won, or is dismissed
    blank_life: Count = 5_000  # the same for the one that began without a prior
    memory: Count = 50_000  # labels after which one counts a third with the rival, who would forget nothing else
    cutoff_rows: Count = (
        2_000  # latest weekly rows whose risks make the cut-offs; older ones were told by another model
    )
    examples: Annotated[int, Meta(ge=1, le=32)] = 8  # scored vectors in a snapshot, for whoever serves it
    shadow: tuple[str, ...] = ("log1p", "pairs", "forest")  # challengers; `models.shadow` knows the names
    guards: GuardBounds = GuardBounds()

    def shape(self) -> bytes:
        """The settings by which a learner's state is laid out: under others a checkpoint does not fit.

        Examples
        --------
        >>> LearnerSettings().shape() == LearnerSettings(publish_every=500).shape()
        True
        >>> LearnerSettings().shape() == LearnerSettings(knots=5).shape()
        False
        """
        return msgspec.json.encode({name: getattr(self, name) for name in _SHAPE})


_SHAPE: Final = ("warm_rows", "knots", "l2", "window", "alert_window", "recent_rows", "seen_ids", "leavers", "held")
