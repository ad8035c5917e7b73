"""What a demonstration came to, for scripts: one JSON object."""

from __future__ import annotations

from typing import Any

from app.demo.scene import Scene


def summary(scene: Scene, at: float) -> dict[str, Any]:
    """Facts only, all of them about simulated data; no figure of a model's quality is among them."""
    tally = scene.tally
    return {
        "simulated": True,
        "seed": scene.seed,
        "subscribers": scene.subscribers,
        "seconds": round(at - scene.began, 1),
        "open_s": scene.open_s,
        "first_alert_s": scene.first_alert_s,
        "events": tally.events,
        "events_per_s": round(scene.pace.overall),
        "events_per_s_peak": round(scene.pace.peak),
        "lag_records": scene.lag,
        "alerts": scene.alerts,
        "alerts_by_kind": dict(sorted(scene.alerts_by_kind.items())),
        "suppressions_by_reason": dict(sorted(scene.suppressions.items())),
        "subscribers_by_tier": dict(scene.tiers),
        "tier_alerts_known": scene.known._asdict(),
        "lost_events": tally.lost_events,
        "twice_events": tally.twice_events,
        "lost_alerts": tally.lost_alerts,
        "twice_alerts": tally.twice_alerts,
        "stories": [
            {"story": lap.story, "seconds": lap.seconds, "outcome": lap.outcome, "withheld": lap.withheld}
            for lap in reversed(scene.watch.laps)
        ],
        "kills": [{"reopened_s": kill.reopened_s, "caught_up_s": kill.caught_up_s} for kill in scene.kills],
        "worker_deaths": scene.deaths,
    }
