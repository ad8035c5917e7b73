"""``holdfast alerts explain``: the arithmetic of one alert's risk, and the policy's checks."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.alerts.card_and_line import Card
from app.alerts.explanation import Explanation, explain, record_explained
from app.alerts.one_alert import alert_and_withheld
from app.config.governing_policy import read_policies
from app.config.operator_files import policy_of_file
from app.config.options import PLACE, console, json_option, language, settings_options, talking_to
from app.config.settings import Language, Settings
from models.contract.alerts import Alert, Suppression
from models.contract.policy import Policy
from models.scoring.prior import VERSION as PRIOR
from models.scoring.prior import prior
from models.scoring.scorer import sigmoid
from models.scoring.snapshot import Snapshot
from streams.kafka.topic_tail import TopicMissingError
from streams.model_topic.versions import kept, servable

_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "what": "what", "value": "value", "usual": "usual", "added": "log-odds", "odds": "odds", "risk": "risk",
        "usual customer": "the usual customer of this value", "average customer": "the average customer (base rate)",
        "others": "all other features together", "signal": "the signal: at least the policy's risk for it",
        "policy": "Policy {version}, in this order", "model": "Model {version}", "trigger": "Trigger",
        "withheld": "Withheld before", "not_recorded": "Not recorded", "no_risk": "its risk may not be shown",
        "n_others": "what each of the other features adds: a record holds the strongest that are unusual",
        "n_model": "model {version}: it is no longer in the topic, so the sum begins with the base rate",
        "n_smoothed": "the risk smoothed over daily looks, by which a tier moves: this is that of the newest look",
        "n_policy": "the settings of policy {policy}: it is not in the topic",
        "passed": "passed", "objected": "OBJECTED", "one of these objected": "one of these objected",
        "not asked": "not asked", "not recorded": "not recorded", "tick": "time reached {time}",
        "recorded": "is not recorded history", "passive_churn": "is not passive churn", "no_profile": "has a profile",
        "no_consent": "consent", "do_not_contact": "may be contacted", "cooldown": "no cooldown, or exempt",
        "stale_feed": "feeds are fresh", "expired": "still in time", "switched_off": "the kind is switched on",
        "hold_out": "not in the hold-out, or exempt", "budget": "within the budget",
        "person_cap": "within the caps of the person, or exempt", "channel_cap": "within the caps of SMS, or exempt",
        "capacity": "a hand was free",
    },
    "zh": {
        "what": "因素", "value": "数值", "usual": "通常", "added": "对数几率", "odds": "几率", "risk": "风险",
        "usual customer": "同价值层的典型客户", "average customer": "平均客户（基准离网率）",
        "others": "其余特征合计", "signal": "信号：不低于策略设定的风险",
        "policy": "策略{version}，依次判断", "model": "模型{version}", "trigger": "触发",
        "withheld": "此前抑制", "not_recorded": "未记录", "no_risk": "其风险不得透露",
        "n_others": "其余各特征的单独贡献：记录仅含最突出的几项",
        "n_model": "模型{version}已不在主题中，故从基准离网率算起",
        "n_smoothed": "决定等级的平滑风险：此处为最近一次评估的风险",
        "n_policy": "策略{policy}的参数：已不在主题中",
        "passed": "通过", "objected": "否决", "one of these objected": "其中之一否决",
        "not asked": "未判断", "not recorded": "未记录", "tick": "时间到达{time}",
        "recorded": "非历史回放", "passive_churn": "非被动离网", "no_profile": "有客户档案",
        "no_consent": "已授权", "do_not_contact": "非免打扰", "cooldown": "不在静默期或豁免",
        "stale_feed": "数据未滞后", "expired": "仍在时限内", "switched_off": "该类已启用",
        "hold_out": "非对照组或豁免", "budget": "在预算内",
        "person_cap": "未超个人频次上限或豁免", "channel_cap": "未超短信频次上限或豁免", "capacity": "有空闲产能",
    },
}  # fmt: skip


@click.command("explain")
@settings_options(*PLACE, "lang", "timezone", "policy")
@click.argument("alert_id", metavar="ID")
@json_option
def explain_(settings: Settings, alert_id: str, as_json: bool) -> None:
    """Show how the risk of an alert adds up, and what the policy asked before it was published or withheld.

    From the topics alone, so also of one that was withheld; what they do not hold is said. The beginning of the id is
    enough.
    """
    life, withheld = alert_and_withheld(settings, alert_id)
    subject = record_explained(life, withheld)
    policy = _policy(settings, subject.policy_version)
    found = explain(life, withheld, _model(settings, subject.model_version), policy)
    missing = _not_recorded(found, policy)
    if as_json:
        click.echo(json.dumps(_as_json(found, withheld, missing), ensure_ascii=False))
        return
    _Page(settings, console()).show(found, withheld, missing)


def _policy(settings: Settings, version: str) -> Policy | None:
    """The policy of a version: from the topic, shipped, or from HOLDFAST_POLICY; None if it is nowhere."""
    of_file = None if settings.policy is None else policy_of_file(settings.policy, None)
    return of_file if of_file is not None and of_file.version == version else read_policies(settings).get(version)


def _model(settings: Settings, version: str) -> Snapshot | None:
    """The model of a version: from the topic, or shipped; None if it is neither."""
    if version == PRIOR:
        return prior()
    with talking_to(settings):
        try:
            raw = asyncio.run(kept(settings.kafka_client_kwargs(), settings.topic_prefix, version))
        except TopicMissingError:
            return None
    found = None if raw is None else servable(raw, version)
    return found if isinstance(found, Snapshot) else None


def _not_recorded(found: Explanation, policy: Policy | None) -> list[str]:
    names = ["n_others"] if found.terms else []
    if found.origin == "average customer":
        names.append("n_model")
    if found.subject.kind == "risk_tier":
        names.append("n_smoothed")
    return names if policy else [*names, "n_policy"]


def _as_json(found: Explanation, withheld: list[Suppression], missing: list[str]) -> dict[str, Any]:
    subject = found.subject
    words = _WORDS["en"]
    return {
        "alert_id": subject.alert_id,
        "seq": subject.seq,
        "event": subject.event,
        "kind": subject.kind,
        "ts": subject.ts,
        "risk": subject.risk,
        "base_rate": subject.base_rate,
        "model_version": subject.model_version,
        "policy_version": subject.policy_version,
        "trigger": {name: getattr(subject.trigger, name) for name in subject.trigger.__struct_fields__},
        "begins_with": found.origin,
        "log_odds": found.begin,
        "terms": [
            {
                "code": None if term.reason is None else term.reason.code,
                "value": None if term.reason is None else term.reason.value,
                "usual": None if term.reason is None else term.reason.usual,
                "log_odds": term.added,
                "risk": term.risk,
            }
            for term in found.terms
        ],
        "policy": [step._asdict() for step in found.policy],
        "withheld": [{"ts": each.ts, "event": each.event, "reason": each.reason} for each in withheld],
        "not_recorded": [_missing(words, name, subject) for name in missing],
    }


def _missing(words: Mapping[str, str], name: str, subject: Alert | Suppression) -> str:
    return words[name].format(version=subject.model_version, policy=subject.policy_version)


class _Page:
    """Prints an explanation."""

    def __init__(self, settings: Settings, out: Console) -> None:
        self._lang: Language = language(settings)
        self._words, self._out = _WORDS[self._lang], out
        self._zone = ZoneInfo(settings.timezone)
        self._card = Card(self._lang, self._zone)

    def show(self, found: Explanation, withheld: list[Suppression], missing: list[str]) -> None:
        subject, words, out = found.subject, self._words, self._out
        out.print(self._title(subject), soft_wrap=True)
        out.print(f"{words['trigger']}: {self._trigger(subject)}", soft_wrap=True)
        out.print(words["model"].format(version=subject.model_version))
        out.print(self._sum(found) if found.terms else f"  {words['no_risk']}")
        out.print(words["policy"].format(version=subject.policy_version))
        for step in found.policy:
            style = {"passed": "green", "objected": "bold red"}.get(step.verdict, "yellow")
            line = Text(f"  {words.get(step.name, step.name)}: ").append(words[step.verdict], style=style)
            said = [f"{field} = {json.dumps(value)}" for field, value in step.settings.items()]
            out.print(line.append(f"  {', '.join(said)}" if said else "", style="dim"), soft_wrap=True)
        for each in withheld:
            if each is not subject:
                out.print(f"{words['withheld']}: {self._time(each.ts)} {each.event} {each.reason}")
        for name in missing:
            out.print(f"{words['not_recorded']}: {_missing(words, name, subject)}", style="dim")

    def _title(self, subject: Alert | Suppression) -> Text:
        line = Text(f"{subject.alert_id[:8]}  {self._time(subject.ts)}  ", style="bold")
        return line.append_text(self._card.heading(subject))

    def _sum(self, found: Explanation) -> Table:
        words = self._words
        table = Table(box=None, pad_edge=False, padding=(0, 1))
        table.add_column(words["what"], overflow="fold")
        for name in ("value", "usual", "added", "odds", "risk"):
            table.add_column(words[name], justify="right", no_wrap=True)
        table.add_row(words[found.origin], "", "", f"{found.begin:+.2f}", "", _share(sigmoid(found.begin)))
        for row in self._terms(found):
            table.add_row(*row)
        return table

    def _terms(self, found: Explanation) -> Iterator[list[str]]:
        for term in found.terms:
            end = [f"{term.added:+.2f}", f"x{math.exp(term.added):.2f}", _share(term.risk)]
            if term.reason is None:
                yield [self._words["others"], "", "", *end]
                continue
            said = term.reason.text.zh if self._lang == "zh" else term.reason.text.en
            if term is found.terms[-1] and found.subject.kind != "risk_tier":
                said = f"{said} ({self._words['signal']})"
            yield [said, f"{term.reason.value:g}", f"{term.reason.usual:g}", *end]

    def _trigger(self, subject: Alert | Suppression) -> str:
        trigger = subject.trigger
        if trigger.tick is not None:
            return self._words["tick"].format(time=self._time(trigger.tick))
        return f"{trigger.topic}-{trigger.partition}@{trigger.offset}"

    def _time(self, ts: int) -> str:
        return f"{datetime.fromtimestamp(ts / 1000, self._zone):%Y-%m-%d %H:%M}"


def _share(risk: float) -> str:
    return f"{risk * 100:.2f} %"
