"""The bars: on a terminal, and nowhere else."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from app.publishing.publisher import PublishCount
from app.replay.mapping_shown import reading, writing
from app.tables.recording import Recording


def test_bars_are_drawn_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("a,b\n1,2\n")
    recording, out = Recording(tmp_path / "log.csv"), StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    with reading(console, recording, None) as tell:
        tell(1_234)
    with writing(console, 10) as told:
        told(PublishCount(records=5))
    assert "1,234" in out.getvalue()
    assert "50%" in out.getvalue()


def test_nothing_is_drawn_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("a,b\n1,2\n")
    out = StringIO()
    with reading(Console(file=out), Recording(tmp_path / "log.csv"), 5) as tell:
        tell(1)
    assert out.getvalue() == ""
