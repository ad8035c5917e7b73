"""``holdfast policy``: what it shows loads to the same, what it checks it names, what it publishes it has compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from app.config import governing_policy
from app.config.policy_file import read_policy
from app.policy import command
from app.policy.differences import differences
from app.policy.field_words import WORDS
from app.policy.page import page
from models.contract.playbook import Play
from models.contract.policy import CapacityException, KindPolicy, Policy, UnitPolicy
from models.contract.vocabulary import KINDS
from streams.policy_topic import Policies, policy_record

replace = msgspec.structs.replace
ODD = replace(
    Policy(),
    version='p-"7"\u007f',
    tiers=replace(Policy().tiers, high_risk_from=0.25, budget=1e-05),
    contact=replace(Policy().contact, holidays=("2026-10-01",), do_not_contact_exempt=("port_out",)),
    playbook=(
        Policy().playbook[4],
        replace(Policy().playbook[0], do=()),
        Play(cause="general", strategy="ours", channels=("sms",)),
    ),
    disclosable_signals=(),
    units=(
        UnitPolicy(
            name='天河"03"',
            head="head-1",
            capacity={"outbound_call": 0, "field_visit": 8},
            exceptions=(
                CapacityException(first="2026-10-01", last="2026-10-07"),
                CapacityException(first="2026-11-11", channel="sms", contacts=900),
            ),
            team={"caller": ("caller-1", "caller-2"), "digital": ()},
            target=5,
        ),
        UnitPolicy(name="nobody-names-it"),
    ),
)


def run(*args: str, **environment: str) -> Result:
    return CliRunner().invoke(command.policy, list(args), env={"HOLDFAST_BROKERS": "", **environment})


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Policies:
    """The topic as commands read it; what is published to it is taken up."""
    policies = Policies(None)

    async def published(_client: Any, _settings: Any, found: Policy, before: int) -> int:
        record = policy_record(found, None, before)
        offset = sum(1 for _ in policies)
        policies.take(record.key, record.value, record.headers, offset, 1_780_000_000_000)
        return offset

    for module in (command, governing_policy):
        monkeypatch.setattr(module, "read_policies", lambda _: policies)
    monkeypatch.setattr(command, "_published", published)
    monkeypatch.setenv("HOLDFAST_BROKERS", "localhost:9092")
    return policies


def apply(tmp_path: Path, text: str, *flags: str, **environment: str) -> Result:
    file = tmp_path / "policy.toml"
    file.write_text(text, encoding="utf-8")
    return run("apply", str(file), *flags, HOLDFAST_BROKERS="localhost:9092", **environment)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("policy", [Policy(), ODD], ids=["shipped", "odd"])
def test_a_page_loads_to_its_policy(policy: Policy, lang: Any) -> None:
    assert read_policy(page(policy, lang)) == policy


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_field_has_its_comment(lang: Any) -> None:
    fields = {""}
    for name, value in msgspec.to_builtins(Policy()).items():
        fields |= (
            {name, *(f"{name}.{each}" for each in value if name != "kinds")} if isinstance(value, dict) else {name}
        )
    assert set(WORDS) == fields
    said = page(Policy(), lang)
    assert all(line.startswith("#") or "=" in line or line.startswith("[") or not line for line in said.splitlines())
    assert ("运营商" in said) == (lang == "zh")
    for name in [field.name for field in msgspec.structs.fields(KindPolicy)]:
        assert name in WORDS["kinds"].en
        assert name in WORDS["kinds"].zh
    for name in [field.name for kind in (UnitPolicy, CapacityException) for field in msgspec.structs.fields(kind)]:
        assert name in WORDS["units"].en
        assert name in WORDS["units"].zh
    assert {field.name for field in msgspec.structs.fields(Play)} >= {"cause", "segments", "corporate"}
    assert all(f"[kinds.{kind}]" in said for kind in KINDS)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_without_units_shows_one_to_copy(lang: Any) -> None:
    said = page(Policy(), lang).splitlines()
    first = said.index("# [[units]]")
    example = [line.removeprefix("# ") for line in said[first : said.index("", first)]]
    found = read_policy("\n".join(example))
    assert isinstance(found, Policy), found
    (unit,) = found.units
    assert unit.capacity
    assert unit.exceptions
    assert unit.team
    assert "# [[units]]" not in page(found, lang)


def test_show_says_where_it_comes_from(topic: Policies, tmp_path: Path) -> None:
    shipped = run("show")
    assert read_policy(shipped.stdout) == Policy()
    assert "no brokers are set" in shipped.stderr
    apply(tmp_path, 'version = "p-7"\nscore_step = 0.3\n')
    shown = run("show", HOLDFAST_BROKERS="localhost:9092", HOLDFAST_BASE_RATE="0.03")
    assert read_policy(shown.stdout) == replace(Policy(), version="p-7", score_step=0.3)
    assert "at offset 0" in shown.stderr
    assert "HOLDFAST_BASE_RATE is set" in shown.stderr
    (tmp_path / "own.toml").write_text("[tiers]\nbudget = 3.0\n")
    of_file = run("show", "--json", HOLDFAST_BROKERS="localhost:9092", HOLDFAST_POLICY=str(tmp_path / "own.toml"))
    told = json.loads(of_file.stdout)
    assert (told["origin"], told["policy"]["tiers"]["budget"]) == ("file", 3.0)


def test_show_is_chinese_by_locale() -> None:
    assert "运营商" in run("show", LC_ALL="zh_CN.UTF-8").stdout
    assert "运营商" not in run("show", LC_ALL="C").stdout


def test_check_names_every_fault_and_fails(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("[tiers]\nbudgt = 1\nraises = 'x'\n")
    found = run("check", str(file))
    assert found.exit_code == 1
    assert "line 2: tiers.budgt: unknown; did you mean budget?" in found.stderr
    assert "line 3: tiers.raises" in found.stderr
    told = [json.loads(line) for line in run("check", str(file), "--json").stdout.splitlines()]
    assert [(each["line"], each["field"]) for each in told] == [(2, "tiers.budgt"), (3, "tiers.raises")]
    assert run("check", str(tmp_path / "nowhere.toml")).exit_code == 2
    file.write_text("")
    assert run("check", str(file)).exit_code == 0


def test_apply_publishes_what_differs_and_a_dry_run_does_not(topic: Policies, tmp_path: Path) -> None:
    text = 'version = "p-7"\n[contact]\ncooldown_days = 12.0\n'
    tried = apply(tmp_path, text, "--dry-run", "--json")
    assert [json.loads(line) for line in tried.stdout.splitlines()] == [
        {"field": "version", "before": "p-1", "after": "p-7"},
        {"field": "contact.cooldown_days", "before": 30.0, "after": 12.0},
    ]
    assert topic.newest is None
    assert "p-7 is published at offset 0" in apply(tmp_path, text).stderr
    assert "in force already" in apply(tmp_path, text).stderr
    assert len(list(topic)) == 1
    assert apply(tmp_path, "").exit_code == 0, "back to the shipped one"
    assert apply(tmp_path, text).exit_code == 0, "and to this one again"
    assert [each.policy.version for each in topic] == ["p-7", "p-1", "p-7"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('version = "p-7"\nscore_step = 0.4\n', "p-7 is the version of other settings"),
        ('version = "p-1"\nscore_step = 0.4\n', "p-1 is the version of other settings"),
        ("[labels]\nhorizon_days = 60.0\n", "labels.horizon_days is 60"),
        ("[labels]\nhorizon_day = 60.0\n", "did you mean horizon_days?"),
    ],
)
def test_what_workers_would_refuse_is_not_published(topic: Policies, tmp_path: Path, text: str, said: str) -> None:
    apply(tmp_path, 'version = "p-7"\nscore_step = 0.3\n')
    found = apply(tmp_path, text)
    assert found.exit_code == 1
    assert said in found.stderr
    assert len(list(topic)) == 1


def test_apply_warns_where_a_file_governs(topic: Policies, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("")
    found = apply(tmp_path, "score_step = 0.3", HOLDFAST_POLICY=str(own))
    assert "HOLDFAST_POLICY is set" in found.stderr
    assert topic.newest is not None


def test_apply_says_that_workers_with_a_key_refuse_what_is_not_signed(topic: Policies, tmp_path: Path) -> None:
    assert "workers that have a key refuse it" in apply(tmp_path, "score_step = 0.3\n").stderr
    assert "workers that have a key" not in apply(tmp_path, "score_step = 0.4\n", HOLDFAST_POLICY_KEY="k" * 40).stderr


def test_a_playbook_that_lacks_the_law_is_neither_checked_nor_published(topic: Policies, tmp_path: Path) -> None:
    text = "[[playbook]]\ncause = 'general'\nstrategy = 's'\nchannels = ['store']\nsegments = ['high']\n"
    (tmp_path / "one.toml").write_text(text)
    for found in (run("check", str(tmp_path / "one.toml")), apply(tmp_path, text), apply(tmp_path, text, "--dry-run")):
        assert found.exit_code == 1
        assert "line 1: playbook: no port_out_code row for high, mid, low" in found.stderr
        assert "line 1: playbook: no general row for mid, low" in found.stderr
    assert topic.newest is None


def test_rows_of_the_playbook_are_compared_by_number() -> None:
    fewer = replace(Policy(), playbook=Policy().playbook[:-1])
    (lost,) = differences(Policy(), fewer)
    assert (lost.field, lost.after) == (f"playbook[{len(Policy().playbook)}]", None)
    first = replace(Policy().playbook[0], strategy="other")
    (changed,) = differences(Policy(), replace(Policy(), playbook=(first, *Policy().playbook[1:])))
    assert changed == ("playbook[1].strategy", "answer_only", "other")


def test_units_are_compared_by_name() -> None:
    one, other = ODD.units
    less = replace(one, capacity={**one.capacity, "field_visit": 4})
    (found,) = differences(ODD, replace(ODD, units=(other, less)))
    assert found == (f"units[{one.name}].capacity.field_visit", 8, 4), "their order means nothing"
    assert [each.field for each in differences(replace(ODD, units=()), ODD)] == [
        f"units[{one.name}]",
        "units[nobody-names-it]",
    ]
    (gone,) = differences(ODD, replace(ODD, units=(one,)))
    assert (gone.field, gone.after) == ("units[nobody-names-it]", None)
