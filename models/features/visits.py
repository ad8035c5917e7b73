"""Features of the visits to competitors' sites: never disclosable, and unknown where their use was refused."""

from __future__ import annotations

from typing import Final

from models.events import SITE_VISITS as TOPIC
from models.features.definitions import Feature, Formula, Unit
from models.state.columns import VISITS as _BLOCK

_RIVAL_COLUMNS: Final = ("mobile_ts", "unicom_ts", "telecom_ts", "broadnet_ts", "other_ts")
_RIVALS_DAYS: Final = 30.0


def _visits(name: str, unit: Unit, text_en: str, text_zh: str, formula: Formula) -> Feature:
    return Feature(name, unit, TOPIC, text_en, text_zh, False, formula)


def _allowed(text: str) -> Formula:
    """NaN for a subscriber who refused the use of their behaviour: `refused` is NaN then, else 0."""
    return Formula(_BLOCK, f"{text} + refused")


def _sum(column: str) -> Formula:
    return _allowed(f"t_{column}")


_RIVALS: Final = " + ".join(
    f"(1.0 if (now - c_{column}) / DAY <= {_RIVALS_DAYS} else 0.0)" for column in _RIVAL_COLUMNS
)
"""How many rivals were visited in exactly the last 30 days."""

FEATURES: Final = (
    _visits(
        "competitor_visits_1d",
        "count",
        "{v} visit{s} to competitor sites in a day",
        "近1天访问竞争对手网站{v}次",
        _sum("visits_1"),
    ),
    _visits(
        "competitor_visits_7d",
        "count",
        "{v} visit{s} to competitor sites in 7 days",
        "近7天访问竞争对手网站{v}次",
        _sum("visits_7"),
    ),
    _visits(
        "competitor_visits_30d",
        "count",
        "{v} visit{s} to competitor sites in 30 days",
        "近30天访问竞争对手网站{v}次",
        _sum("visits_30"),
    ),
    _visits(
        "competitor_dwell_1d",
        "seconds",
        "{v} on competitor sites in a day",
        "近1天浏览竞争对手网站{v}",
        _sum("dwell_1"),
    ),
    _visits(
        "competitor_dwell_7d",
        "seconds",
        "{v} on competitor sites in 7 days",
        "近7天浏览竞争对手网站{v}",
        _sum("dwell_7"),
    ),
    _visits(
        "competitor_dwell_30d",
        "seconds",
        "{v} on competitor sites in 30 days",
        "近30天浏览竞争对手网站{v}",
        _sum("dwell_30"),
    ),
    _visits(
        "competitor_pages_1d",
        "count",
        "{v} page{s} read on competitor sites in a day",
        "近1天浏览竞争对手网页{v}页",
        _sum("pages_1"),
    ),
    _visits(
        "competitor_pages_7d",
        "count",
        "{v} page{s} read on competitor sites in 7 days",
        "近7天浏览竞争对手网页{v}页",
        _sum("pages_7"),
    ),
    _visits(
        "competitor_pages_30d",
        "count",
        "{v} page{s} read on competitor sites in 30 days",
        "近30天浏览竞争对手网页{v}页",
        _sum("pages_30"),
    ),
    _visits(
        "portability_visits_30d",
        "count",
        "{v} visit{s} to number-portability pages in 30 days",
        "近30天访问携号转网页面{v}次",
        _sum("portability_30"),
    ),
    _visits(
        "competitor_shop_visits_30d",
        "count",
        "{v} visit{s} to competitors' store or checkout pages in 30 days",
        "近30天访问竞争对手门店或下单页面{v}次",
        _sum("shop_30"),
    ),
    _visits(
        "competitors_visited_30d",
        "count",
        "sites of {v} competitor{s} visited in 30 days",
        "近30天访问{v}家竞争对手网站",
        _allowed(_RIVALS),
    ),
)
