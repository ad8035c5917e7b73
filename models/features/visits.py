"""Features of visits to competitors' sites: never disclosable, and NaN if the subscriber refused their use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from models.contract.events import SITE_VISITS as TOPIC
from models.features.feature_formula import Feature, Formula, Unit, within
from models.state.columns import VISITS as _BLOCK

_RIVAL_COLUMNS: Final = ("mobile_ts", "unicom_ts", "telecom_ts", "broadnet_ts", "other_ts")
_RIVALS_DAYS: Final = 30.0


def _visits(name: str, unit: Unit, text_en: str, text_zh: str, formula: Formula) -> Feature:
    return Feature(name, unit, TOPIC, text_en, text_zh, False, formula)


def _allowed(text: str) -> Formula:
    """NaN for a subscriber who refused the use of site visits: `refused` is NaN then, else 0."""
    return Formula(_BLOCK, f"{text} + refused")


def _sum(column: str) -> Formula:
    return _allowed(f"t_{column}")


def _over(stem: str, unit: Unit, texts_en: str, texts_zh: str) -> Iterator[Feature]:
    """Features over a day, a week and a month; ``@`` in a text stands for the name of the sites."""
    en, zh = texts_en.replace("@", " competitor sites"), texts_zh.replace("@", "竞争对手网站")
    for days in (1, 7, 30):
        yield _visits(f"competitor_{stem}_{days}d", unit, *within(days, en, zh), _sum(f"{stem}_{days}"))


_RIVALS: Final = " + ".join(
    f"(1.0 if (now - c_{column}) / DAY <= {_RIVALS_DAYS} else 0.0)" for column in _RIVAL_COLUMNS
)
"""Number of competitors visited in exactly the last 30 days."""

FEATURES: Final = (
    *_over("visits", "count", "no visit to@|{v} visit{s} to@", "未访问@|访问@{v}次"),
    *_over("dwell", "seconds", "hardly any time on@|{v} on@", "几乎未浏览@|浏览@{v}"),
    *_over("pages", "count", "no page read on@|{v} page{s} read on@", "未浏览@页面|浏览@页面{v}页"),
    _visits(
        "portability_visits_30d",
        "count",
        *within(
            30,
            "no visit to number-portability pages|visited number-portability pages|"
            "visited number-portability pages several times",
            "未访问携号转网页面|访问过携号转网页面|多次访问携号转网页面",
        ),
        _sum("portability_30"),
    ),
    _visits(
        "competitor_shop_visits_30d",
        "count",
        *within(
            30,
            "no visit to competitors' store or checkout pages|visited competitors' store or checkout pages|"
            "visited competitors' store or checkout pages several times",
            "未访问竞争对手门店或下单页面|访问过竞争对手门店或下单页面|多次访问竞争对手门店或下单页面",
        ),
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
