"""Who leads: the fresh model and the rival, each against the champion, by what all would have said in time."""

from __future__ import annotations

from models import evidence
from models.learner_settings import LearnerSettings
from models.lineages import CHAMPION_THEN, FRESH_THEN, RIVAL_THEN, Lineages
from models.publication import promotion_demands
from models.trial import trial
from models.window import Window


def succeeded(lineages: Lineages, window: Window, settings: LearnerSettings, labels: int, *, held: bool) -> bool:
    """Crown whoever has proved to be better, and dismiss a fresh model that has had its time.

    Parameters
    ----------
    labels
        Learned so far: written down with the evidence.
    held
        Whether guards hold back publishing: then nobody is crowned.

    Returns
    -------
    bool
        Whether there is another champion.
    """
    demands = promotion_demands(settings)
    for name, crown in ((FRESH_THEN, lineages.crown_fresh), (RIVAL_THEN, lineages.crown_rival)):
        found = trial(window, name, CHAMPION_THEN, 0)
        if found is None:
            continue
        verdict = evidence.better(found, demands)
        if verdict in evidence.WINS and not held:
            crown(window, labels, verdict, found)
            return True
        if name == FRESH_THEN and found.rows >= lineages.fresh_life():
            lineages.dismiss_fresh(window)
    return False
