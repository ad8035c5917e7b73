"""What the tree must look like, so that the next reader finds one noun a module and the core stays pure.

Import directions are import-linter's (`.importlinter`), style is ruff's (`.ruff.toml`); here is what neither can say.
Each rule is a function from what it judges to findings, tried below on planted damage as well as on the tree.
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("app", "streams", "models")
TOP_LEVEL = {"README.md", "app", "deploy", "models", "pyproject.toml", "streams", "tests"}

FUNCTION_LINES = 60
BANNED_WORDS = {"helper", "helpers", "manager", "managers", "processor", "processors", "util", "utils"}
RIDDLES = re.compile(r"\b(?:whoever|of whom|see the module)\b", re.IGNORECASE)
LEFT_OPEN = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
MACHINE_PATH = re.compile(r"/(?:work|root)/")
REGISTRY_HOST = re.compile(
    r"pypi\.(?:org|python)|pythonhosted\.|\brepo1?\.maven\b|maven\.(?:org|apache)\b|central\.sonatype|registry\.npmjs"
    r"|registry\.yarnpkg|crates\.io|rubygems\.|conda\.anaconda|proxy\.golang|mirrors?\.(?:aliyun|tuna|ustc|tencent)"
)
BESIDE_STDLIB_IN_MODELS = {"models", "msgspec", "numba", "numpy", "river", "scipy"}
GENERATED = ROOT / "models" / "kernel" / "compiled.py"
BLAS = {"dot", "einsum", "inner", "matmul", "tensordot", "vdot"}
OFF_THE_DECISION_PATH = ("models/analysis/", "models/fitting/", "models/learning/")
MOST_MODULES = 16

Finding = str
Rule = Callable[[str, ast.Module], Iterator[Finding]]


def functions_too_long(_: str, tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{node.name} has {lines} lines"


def words(name: str) -> set[str]:
    """`AccountManager` and `account_manager` are the field's own word for a person."""
    parts = [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)]
    return set(" ".join(parts).replace("account manager", "person").split())


def banned_names(path: str, tree: ast.Module) -> Iterator[Finding]:
    definitions = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    names = [*Path(path).with_suffix("").parts, *(n.name for n in ast.walk(tree) if isinstance(n, definitions))]
    yield from (f"the name {name}" for name in names if words(name) & BANNED_WORDS)


def foreign_imports(path: str, tree: ast.Module) -> Iterator[Finding]:
    if not path.startswith("models/"):
        return
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        for name in names:
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names | BESIDE_STDLIB_IN_MODELS:
                yield f"imports {name}"


def rounding_that_depends_on_rows(path: str, tree: ast.Module) -> Iterator[Finding]:
    """BLAS sums in an order that changes with the number of rows, so the same subscriber would score differently."""
    if not path.startswith("models/") or path.startswith(OFF_THE_DECISION_PATH):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult):
            yield f"`@` in line {node.lineno}"
        if isinstance(node, ast.Attribute | ast.Name) and {getattr(node, "attr", ""), getattr(node, "id", "")} & BLAS:
            yield f"BLAS in line {node.lineno}"


def package_says_what_it_is(path: str, tree: ast.Module) -> Iterator[Finding]:
    if not path.endswith("__init__.py"):
        return
    if not ast.get_docstring(tree):
        yield "has no docstring"
    exports = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Import)
        or (isinstance(node, ast.ImportFrom) and node.module != "__future__")
    ]
    declared = any(
        isinstance(target, ast.Name) and target.id == "__all__"
        for node in tree.body
        for target in (node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)])
    )
    if exports and not declared:
        yield "exports without __all__"


RULES: tuple[Rule, ...] = (
    functions_too_long,
    banned_names,
    foreign_imports,
    rounding_that_depends_on_rows,
    package_says_what_it_is,
)


def modules() -> list[Path]:
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(path for path in found if path != GENERATED)


def tracked() -> list[str]:
    """What git holds and the disk too. The directory may belong to another user (a container's checkout)."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def none(findings: list[Finding]) -> None:
    assert not findings, "\n".join(findings)


def hits(pattern: re.Pattern[str], names: list[str]) -> list[Finding]:
    found = []
    for name in names:
        content = (ROOT / name).read_bytes()
        if b"\0" not in content:
            lines = enumerate(content.decode(errors="replace").splitlines(), 1)
            found += [f"{name}:{number}: {line.strip()}" for number, line in lines if pattern.search(line)]
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps_the_rule(rule: Rule) -> None:
    none(
        [
            f"{path.relative_to(ROOT)}: {finding}"
            for path in modules()
            for finding in rule(path.relative_to(ROOT).as_posix(), ast.parse(path.read_bytes()))
        ]
    )


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (functions_too_long, "app/report.py", "def page():\n" + "    x = 1\n" * FUNCTION_LINES),
        (banned_names, "app/alert_utils.py", ""),
        (banned_names, "app/alerts.py", "class AlertManager: ..."),
        (banned_names, "app/alerts.py", "async def run_processor(): ..."),
        (foreign_imports, "models/fold.py", "def fold():\n    import pandas.api"),
        (foreign_imports, "models/fold.py", "from aiohttp import web"),
        (rounding_that_depends_on_rows, "models/scoring/scorer.py", "score = weights @ x"),
        (rounding_that_depends_on_rows, "models/scoring/scorer.py", "score = np.dot(weights, x)"),
        (rounding_that_depends_on_rows, "models/scoring/scorer.py", "from numpy import einsum\neinsum('i,i', a, b)"),
        (package_says_what_it_is, "app/__init__.py", "x = 1"),
        (package_says_what_it_is, "app/__init__.py", '"""Docs."""\nfrom app.cli import main'),
    ],
)
def test_rule_finds_planted_damage(rule: Rule, path: str, source: str) -> None:
    assert list(rule(path, ast.parse(source)))


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (LEFT_OPEN, "# TODO: later"),
        (RIDDLES, "Of " + "whom nothing is known."),
        (MACHINE_PATH, "cd " + "/".join(("", "root", "x"))),
        (REGISTRY_HOST, "--index-url https://" + ".".join(("pypi", "org")) + "/simple"),
        (REGISTRY_HOST, "https://" + ".".join(("repo1", "maven", "org")) + "/maven2"),
    ],
)
def test_pattern_finds_planted_damage(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


def test_the_fields_own_words_are_not_banned() -> None:
    tree = ast.parse("class AccountManager: ...\ndef by_account_manager(): ...\ndef process(): ...")
    assert list(banned_names("models/detection/contact_rules.py", tree)) == []


def test_top_level_holds_exactly_what_was_agreed() -> None:
    assert {name.partition("/")[0] for name in tracked() if not name.startswith(".")} == TOP_LEVEL


def test_no_folder_holds_more_modules_than_a_stranger_can_guess_among() -> None:
    counted = Counter(path.parent for path in modules())
    none([f"{folder.relative_to(ROOT)}: {count} modules" for folder, count in counted.items() if count > MOST_MODULES])


def test_a_class_name_stands_for_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for path in modules():
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    none([f"{name}: {', '.join(files)}" for name, files in places.items() if len(files) > 1])


def test_tests_and_deploy_are_not_packages() -> None:
    """An editable install puts the root on `sys.path`: as packages they would shadow other people's `tests`."""
    none([name for name in tracked() if re.match(r"(?:tests|deploy)/(?:.*/)?__init__\.py$", name)])


def test_nothing_is_left_open_in_the_code() -> None:
    none(hits(LEFT_OPEN, [name for name in tracked() if name.startswith(("app/", "streams/", "models/"))]))


def test_sentences_name_their_subject() -> None:
    """They stand where a worker, a subscriber or a caller is meant, which the reader must guess."""
    none(hits(RIDDLES, [name for name in tracked() if name not in ("deploy/LICENSE", "tests/test_architecture.py")]))


def test_no_file_names_a_path_of_one_machine() -> None:
    none(hits(MACHINE_PATH, tracked()))


def test_no_file_names_a_package_registry() -> None:
    """Where packages come from is the operator's choice, made in their own pip or uv configuration."""
    none(hits(REGISTRY_HOST, tracked()))


@pytest.mark.parametrize("name", PACKAGES)
def test_package_is_this_trees_and_nobody_elses(name: str) -> None:
    """The names are common words: another distribution with a top-level `app` would be imported in our place."""
    assert importlib.import_module(name).__file__ == str(ROOT / name / "__init__.py")
    assert set(metadata.packages_distributions().get(name, ())) <= {"holdfast"}


def test_what_packages_export_exists() -> None:
    for init in (path for path in modules() if path.name == "__init__.py"):
        package = importlib.import_module(".".join(init.parent.relative_to(ROOT).parts))
        exported = getattr(package, "__all__", ())
        none([f"{package.__name__} has no {name}" for name in exported if not hasattr(package, name)])
