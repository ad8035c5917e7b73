"""Generator of :mod:`models.kernel.compiled`: one file of the hand-written parts and the declared columns and features.

Numba's cache checks only the file of a function, and would keep old numbers if a column changed elsewhere. So all
numbers are written into this one file.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from types import ModuleType
from typing import Final

from models.features.catalogue import CATALOGUE
from models.features.feature_formula import Feature
from models.kernel import arithmetic, places
from models.state.columns import (
    BILLING,
    CALLS,
    CARE,
    DATA,
    FIRST_SUM,
    PROFILE,
    START,
    TAU_DAYS,
    VISITS,
    BlockSpec,
    place,
)

HEADER: Final = '''\
"""The hot path in one file, made by :mod:`models.features.kernel_text`; ``python -m app.generate.kernel`` writes it."""

# ruff: noqa
from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from models.kernel.compiling import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Statuses = npt.NDArray[np.int8]
Arrivals = tuple[Floats, Hashes]
State = tuple[Floats, Hashes, Ints, Ints, Ints]
Visits = tuple[Ints, Ints, Floats]
Model = tuple[Floats, Floats, Floats]
Words = tuple[Ints, Bytes]
Contract = tuple[Ints, Floats, Floats, Ints]
Room = tuple[Ints, Ints, Hashes]
Columns = tuple[Hashes, Hashes, Ints, Hashes, Ints, Ints, Hashes]
Names = tuple[Bytes, Ints]
'''
_TRUE_ZEROS: Final = (CARE, VISITS)
"""Blocks in which the absence of events is a true zero: see :mod:`models.features.feature_formula`."""
_NEVER_EMPTY: Final = (PROFILE, None)
"""Blocks that are never treated as empty; None stands for calls and data together."""
_USUAL_COUNT: Final = {CALLS.name: ("calls_30", "sms_30"), DATA.name: ("sessions_30",)}


def kernel_text() -> str:
    """The whole file."""
    from models.kernel import kafka_records, plain_event, row_fold, walk

    parts = [HEADER, _constants(), _body(arithmetic), *_sums(), *_features(), _log_odds(), _body(row_fold), _body(walk)]
    parts += [_body(plain_event), _body(kafka_records)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _constants() -> str:
    found = {name: value for name, value in vars(places).items() if name.isupper() or name.rstrip("_").isupper()}
    return "\n".join(f"{name} = {value!r}" for name, value in found.items() if isinstance(value, int | float))


def _body(part: ModuleType) -> str:
    """A part without its docstring, its imports (conditional ones too) and the types already in the header."""
    source = inspect.getsource(part)
    lines = source.splitlines()
    kept = []
    for node in ast.parse(source).body:
        named = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id
        typed = f"\n{named} = " in HEADER
        if isinstance(node, ast.Import | ast.ImportFrom | ast.If) or _is_text(node) or typed:
            continue
        start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) - 1
        gap = "\n\n" if isinstance(node, ast.FunctionDef) else ""
        kept.append(gap + "\n".join(lines[start : node.end_lineno]))
    return "\n".join(kept)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _function(signature: str, lines: Sequence[str]) -> str:
    return "\n".join(["@compiled", f"def {signature}:", *(f"    {line}" for line in lines)])


def _sums() -> Iterator[str]:
    """Functions that update the decayed sums of a block by an event."""
    for spec in (CALLS, DATA, VISITS, CARE, BILLING):
        yield _function(_sums_signature(spec), list(_sums_lines(spec)))


def _sums_signature(spec: BlockSpec) -> str:
    stems = ", ".join(f"{stem}: float" for stem in dict.fromkeys(spec.stems))
    return f"fold_{spec.name}(r: Floats, ts: float, {stems}) -> None"


def _sums_lines(spec: BlockSpec) -> Iterator[str]:
    at = START[spec.name]
    by_tau = {tau: [n for n, of in enumerate(spec.taus) if of == tau] for tau in sorted(set(spec.taus))}
    yield f"gap = ts - r[{at}]"
    yield "if math.isnan(gap):"
    yield f"    r[{at}] = r[{at + 1}] = ts"
    yield "    gap = 0.0"
    yield f"if ts < r[{at + 1}]:"
    yield f"    r[{at + 1}] = ts"
    yield "if gap > 0.0:"
    yield f"    r[{at}] = ts"
    for tau, sums in by_tau.items():
        yield f"    kept = decay(gap, {float(TAU_DAYS[tau])})"
        for first, last in _runs(sums):
            yield f"    for at in range({at + FIRST_SUM + first}, {at + FIRST_SUM + last + 1}):"
            yield "        r[at] *= kept"
    yield "if gap >= 0.0:"
    for n, stem in enumerate(spec.stems):
        yield f"    r[{at + FIRST_SUM + n}] += {stem}"
    yield "else:"
    for tau, sums in by_tau.items():
        yield f"    weight = decay(-gap, {float(TAU_DAYS[tau])})"
        for n in sums:
            yield f"    r[{at + FIRST_SUM + n}] += weight * {spec.stems[n]}"


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each run of neighbours: a column that was added later stands apart from those of its time.

    Examples
    --------
    >>> _runs([2, 3, 4, 9])
    [(2, 4), (9, 9)]
    """
    firsts = [place for place in places if place - 1 not in places]
    lasts = [place for place in places if place + 1 not in places]
    return list(zip(firsts, lasts, strict=True))


def groups() -> list[tuple[str, BlockSpec | None, int, list[Feature]]]:
    """Runs of features of one block: a name, the block, the index of the first, and the features."""
    found, at = [], 0
    for block, run in groupby(CATALOGUE, key=lambda feature: feature.formula.block):
        features = list(run)
        found.append((f"{'usage' if block is None else block.name}_{at}", block, at, features))
        at += len(features)
    return found


def _features() -> Iterator[str]:
    for name, block, first, features in groups():
        arguments = "r: Floats, now: float, el_calls: float, el_data: float, ur_calls: float, ur_data: float, x: Floats"
        lines = list(_prepared(block, features))
        lines += [f"x[{first + n}] = {feature.formula.text}  # {feature.name}" for n, feature in enumerate(features)]
        yield _function(f"x_{name}({arguments}) -> None", lines)


def _prepared(block: BlockSpec | None, features: Sequence[Feature]) -> Iterator[str]:
    """Assignments of the variables that a block's formulas use."""
    if block is None:
        return
    texts = " ".join(feature.formula.text for feature in features)
    at = START[block.name]
    for name, text in (
        ("el", f"max(now - r[{at}], 0.0)" if block not in _TRUE_ZEROS else f"fmax(now - r[{at}], 0.0)"),
        ("age", f"max(now - r[{at + 1}], 0.0)"),
        ("ur", f"ur_{block.name}"),
        ("refused", f"NAN if r[{place(PROFILE, 'behaviour')}] == 0.0 else 0.0"),
    ):
        if re.search(rf"\b{name}\b", texts) or (name in _NEEDED_BY and _named(_NEEDED_BY[name], texts)):
            yield f"{name} = {text}"
    for days in sorted({column.rpartition("_")[2] for column in _named("t", texts)}, key=int):
        yield f"d_{days} = decay(el, {float(days)})"
    for column in _named("t", texts):
        yield f"t_{column} = r[{place(block, column)}] * d_{column.rpartition('_')[2]}"
    for days in sorted(_named("s", texts), key=int):
        yield f"s_{days} = span(age, {float(days)})"
    columns = _named("c", texts)
    dated = [column for column in columns if block is PROFILE and column not in _KNOWN_BEFORE]
    if dated:
        yield f"is_known = now >= r[{place(PROFILE, 'ts')}]"
    for column in columns:
        yield f"c_{column} = r[{place(block, column)}]" + (" if is_known else NAN" if column in dated else "")


_KNOWN_BEFORE: Final = ("activated_ts",)
"""Columns of a profile that are valid before its `ts`. The topic is compacted, so it holds today's profile, which must
not leak into vectors of the months before."""
_NEEDED_BY: Final = {"el": "t", "age": "s"}
"""Variables from which sums as of now, and the days in them, are computed."""


def _named(prefix: str, texts: str) -> list[str]:
    return sorted(set(re.findall(rf"\b{prefix}_(\w+)", texts)))


def _calls_and_data() -> Iterator[str]:
    """Elapsed times and usual rates of calls and data, which features of both use."""
    for spec in (CALLS, DATA):
        at = START[spec.name]
        count = " + ".join(f"r[{place(spec, column)}]" for column in _USUAL_COUNT[spec.name])
        yield f"el_{spec.name} = NAN if math.isnan(r[{at}]) else max(now - r[{at}], 0.0)"
        yield f"ur_{spec.name} = usual_rate(r[{at}], r[{at + 1}], {count})"


def _log_odds() -> str:
    """Functions for all features, and for the log-odds of a model with one curve a feature.

    A block without any event costs one addition: the sum of its curves is precomputed in `empty`.
    """
    called = "r, now, el_calls, el_data, ur_calls, ur_data, x"
    every, summed = list(_calls_and_data()), [*_calls_and_data(), "z = intercept"]
    for n, (name, block, first, features) in enumerate(groups()):
        last = first + len(features)
        curves = [f"x_{name}({called})", f"z += curves(x, {first}, {last}, model)"]
        if block in _NEVER_EMPTY or block is None:
            every.append(f"x_{name}({called})")
            summed += curves
            continue
        at = START[block.name]
        missing = [] if block in _TRUE_ZEROS else [f"if math.isnan(r[{at}]):", f"    x[{first}:{last}] = NAN"]
        every += [*missing, "else:", f"    x_{name}({called})"] if missing else [f"x_{name}({called})"]
        empty = f"empty[{2 * n}]"
        if block is VISITS:
            empty = f"empty[{2 * n + 1}] if r[{place(PROFILE, 'behaviour')}] == 0.0 else {empty}"
        summed += [f"if math.isnan(r[{at}]):", f"    z += {empty}", "else:", *(f"    {line}" for line in curves)]
    summed += ["found: float = z", "return found"]
    text = "r: Floats, now: float, x: Floats, model: Floats, empty: Floats, intercept: float"
    return "\n\n\n".join(
        [
            _function("features(r: Floats, now: float, x: Floats) -> None", every),
            _function(f"log_odds({text}) -> float", summed),
            _emptied(),
        ]
    )


def _emptied() -> str:
    lines = ["features(r, 0.0, x)"]
    lines += [
        f"empty[{2 * n} + refused] = curves(x, {first}, {first + len(features)}, model)"
        for n, (_, _, first, features) in enumerate(groups())
    ]
    return _function("emptied(r: Floats, x: Floats, model: Floats, refused: int, empty: Floats) -> None", lines)
