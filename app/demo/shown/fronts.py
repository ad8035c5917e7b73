"""How the scene reaches a watcher without a screen: lines for a log, or nothing."""

from __future__ import annotations

import asyncio
from typing import Final

from rich.console import Console

from app.demo.scene import Scene
from app.demo.shown.view import SceneView

_FRAME_S: Final = 0.25
_STATUS_S: Final = 10.0


async def log(console: Console, view: SceneView, scene: Scene) -> None:
    """Print the first alert as a card, later ones as lines, and the figures now and then, until cancelled."""
    printed, carded, quiet_s = 0, None, 0.0
    while True:
        if scene.card is not None and scene.card is not carded:
            carded = scene.card
            console.print(view.cards.card(carded))
            for command in view.next_steps(roomy=True):
                console.print(command, style="dim", soft_wrap=True)
        fresh = min(scene.told - printed, len(scene.lines))
        for line in list(scene.lines)[len(scene.lines) - fresh :]:
            console.print(view.line(line), soft_wrap=True)
        printed = scene.told
        if quiet_s >= _STATUS_S:
            quiet_s = 0.0
            console.print(view.status(), soft_wrap=True)
        await asyncio.sleep(_FRAME_S)
        quiet_s += _FRAME_S


async def silence() -> None:
    """Show nothing until cancelled: a script wants only the JSON object at the end."""
    await asyncio.Event().wait()
