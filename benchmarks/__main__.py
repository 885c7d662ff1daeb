"""Measures all bars and prints them in a table; exit code 1 when one is missed."""

import argparse
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks import asking, peers, report, rest, sandbox, statistics, viewing
from benchmarks.bench import Bench
from benchmarks.measure import ProgramFailed, server
from benchmarks.table import Row, as_text, at_most


def _sandboxed(found: list[sandbox.Row]) -> list[Row]:
    """The pool against the bare process; other ways are there to compare with."""
    return [
        at_most(
            each.ratio,
            1.5,
            what=f"{each.language} in the sandbox's {each.way}, median",
            ours=f"{each.milliseconds:.0f} ms",
            peer="bare process",
        )
        for each in found
        if each.way.startswith("pool")
    ]


BENCHMARKS = {
    "cpu": asking.cpu,
    "litellm-route": asking.litellm_route,
    "latency": asking.latency,
    "rate": asking.rate,
    "streams": rest.streams,
    "again": rest.again,
    "memory": asking.memory,
    "judges": rest.judges,
    "starting": rest.starting,
    "report": report.reports,
    "viewer": viewing.pages,
    "statistics": lambda bench: statistics.run(times=1 if bench.quick else 3),
    "sandbox": lambda bench: _sandboxed(sandbox.run(10 if bench.quick else 40)),
}
PACKAGES = ("aiohttp", "litellm", "dspy", "pandas")


def main() -> int:
    """Run what the options name."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="repeatable")
    parser.add_argument("--quick", action="store_true", help="fewer trials and rounds")
    parser.add_argument(
        "--peers", default=",".join(peers.ALL), help=f"some of {','.join(peers.ALL)}, or ''"
    )
    options = parser.parse_args()
    chosen = tuple(name for name in options.peers.split(",") if name)
    if unknown := set(chosen) - set(peers.ALL):
        parser.error(f"no peer {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    with server() as address, tempfile.TemporaryDirectory() as folder:
        bench = Bench(server=address, folder=Path(folder), quick=options.quick, peers=chosen)
        for name in options.only or BENCHMARKS:
            started = time.monotonic()
            try:
                for row in BENCHMARKS[name](bench):
                    rows.append(row)  # noqa: PERF402 - what was measured before a failure stays
            except ProgramFailed as reason:
                rows.append(Row(what=name, met=f"NO: {reason}"))
            print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    sys.stdout.write(_circumstances(options.quick) + "\n" + as_text(rows))
    return int(any(row.met.startswith("NO") for row in rows))


def _circumstances(quick: bool) -> str:
    load = os.getloadavg()[0]
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}, {versions}; "
        f"{'quick: fewer trials' if quick else 'full size'}; medians of interleaved rounds\n"
    )


if __name__ == "__main__":
    sys.exit(main())
