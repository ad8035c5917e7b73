from __future__ import annotations

from importlib.resources import files

from models.features.kernel_text import kernel_text


def test_compiled_file_is_what_columns_features_and_parts_say():
    written = (files("models.kernel") / "compiled.py").read_text(encoding="utf-8")
    assert written == kernel_text(), "run `python -m app.generate.kernel`"
