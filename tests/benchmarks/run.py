"""Run the benchmark: ``python tests/benchmarks/run.py --help``. All on loopback, on a broker of its own."""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "contenders"), str(HERE.parent)]

import desk_cost  # noqa: E402 - after the path
import environments  # noqa: E402
import results  # noqa: E402
import rounds  # noqa: E402
from logs import LOGS  # noqa: E402
from roster import BARE, ROSTER  # noqa: E402


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        description="Holdfast beside bare loops and other engines over the same logs, in alternating rounds; and its "
        "latency from event to alert. Writes benchmark.json, benchmark.md and benchmark.png.",
        epilog="A quick look: run.py --events 50000 --rounds 1 --contenders bare-aiokafka,holdfast --rates 200 "
        "--seconds 5. All of it takes most of an hour on two quiet cores. What the desk costs: run.py --desk --logs "
        "day-usage,month --rates 1000 --seconds 30 --rounds 5.",
    )
    parser.add_argument(
        "--desk", action="store_true", help="instead: Holdfast with its desk and without, and the desk alone; desk.md"
    )
    parser.add_argument("--breaches", type=int, default=20_000, help="for the desk alone [%(default)s]")
    parser.add_argument("--contenders", type=names(ROSTER), default=list(ROSTER), help=f"of {', '.join(ROSTER)} [all]")
    parser.add_argument("--logs", type=names(LOGS), default=list(LOGS), help=f"of {', '.join(LOGS)} [all]")
    parser.add_argument("--events", type=int, default=600_000, help="the most of each log [all of it]")
    parser.add_argument(
        "--prefix-events", type=int, default=rounds.PREFIX_EVENTS, help="of a log, for plain Faust [%(default)s]"
    )
    parser.add_argument("--rounds", type=int, default=3, help="[%(default)s]")
    parser.add_argument(
        "--rates", type=rates, default=[200, 1_000, 5_000], help="events/s of the latencies, or 'none' [200,1000,5000]"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="of each rate, after the warm-up [%(default)s]")
    parser.add_argument("--brokers", help="a Kafka that is there already, instead of one of its own")
    parser.add_argument("--out", type=Path, default=Path("build/benchmark"), help="folder for results [%(default)s]")
    parser.add_argument(
        "--cache", type=Path, default=environments.default_cache(), help="folder for contenders' environments"
    )
    return parser.parse_args()


def names(known: dict[str, object]) -> object:
    """A reader of a list of known names."""

    def read(text: str) -> list[str]:
        asked = [name.strip() for name in text.split(",") if name.strip()]
        unknown = [name for name in asked if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there are {', '.join(known)}")
        return asked

    return read


def rates(text: str) -> list[int]:
    """Rates, or none."""
    return [] if text == "none" else [int(rate) for rate in text.split(",")]


@contextmanager
def kafka(directory: Path) -> Iterator[str]:
    """A broker of its own, by ``holdfast kafka``; its data is gone afterwards."""
    holdfast = [sys.executable, "-m", "app.cli", "kafka"]
    place, root = ["--data", str(directory / "kafka")], HERE.parents[1]
    started = subprocess.run(
        [*holdfast, "start", *place, "--json"], cwd=root, check=True, stdout=subprocess.PIPE, text=True
    )
    try:
        yield json.loads(started.stdout)["bootstrap"]
    finally:
        subprocess.run([*holdfast, "stop", *place, "--wipe"], cwd=root, check=False, capture_output=True)


def main() -> None:
    asked = arguments()
    about = results.machine(shlex.join(["python", "tests/benchmarks/run.py", *sys.argv[1:]]))
    about["load before"] = results.load()
    logs_of_processes = asked.out / "logs"
    logs_of_processes.mkdir(parents=True, exist_ok=True)
    if BARE not in asked.contenders and not asked.desk:
        rounds.say(f"without {BARE} there are no ratios")

    def plan(bootstrap: str) -> rounds.Plan:
        return rounds.Plan(
            bootstrap=bootstrap,
            prefix=f"bench{int(time.time())}.",
            contenders=asked.contenders,
            logs=asked.logs if asked.contenders else [],
            events=asked.events,
            prefix_events=asked.prefix_events,
            rounds=asked.rounds,
            rates=asked.rates,
            seconds=asked.seconds,
            breaches=asked.breaches,
            cache=asked.cache.expanduser(),
            directory=logs_of_processes,
        )

    measure = desk_cost.run if asked.desk else rounds.run
    if asked.brokers:
        found = measure(plan(asked.brokers))
    else:
        with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as room, kafka(Path(room)) as bootstrap:
            found = measure(plan(bootstrap))
    about["load after"] = results.load()
    if isinstance(found, desk_cost.Cost):
        sys.stdout.write(desk_cost.written(found, about, asked.out))
        rounds.say(f"wrote {asked.out}/desk.json and .md")
    else:
        sys.stdout.write(results.write(found, about, asked.out))
        rounds.say(f"wrote {asked.out}/benchmark.json, .md and .png")


if __name__ == "__main__":
    main()
