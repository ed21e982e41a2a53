"""python -m tests.fuzz --n 2000 --seed 1: odd inputs to the commands, and what came of them by kind."""

import argparse
import shutil
import sys
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from tempfile import mkdtemp

from tests.fuzz import scenery
from tests.fuzz.judge import verdict
from tests.fuzz.kinds import KINDS, MANY, drawn
from tests.fuzz.processes import everything_imported, run


def main() -> int:
    """Run inputs as asked; returns 1 if there were faults."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--n", type=int, default=200, help="inputs in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", choices=KINDS)
    parser.add_argument("--only", nargs="*", metavar="KIND/NUMBER", help="repeat these inputs of the seed")
    parser.add_argument("--all", action="store_true", help="show what was refused and taken, too")
    parser.add_argument("--folder", type=Path, help="keep scenery and the last input here; made new if not there")
    asked = parser.parse_args()
    folder = asked.folder or Path(mkdtemp(prefix="qtmnet-fuzz-"))
    kinds = asked.kinds or [*KINDS, *MANY]
    names = asked.only or [f"{kinds[i % len(kinds)]}/{i}" for i in range(asked.n)]
    with everything_imported():
        if not (folder / "scenery").exists():
            scenery.make(folder / "scenery")
        n_faults = _run_all(names, asked.seed, folder, talk=bool(asked.only) or asked.all)
    if asked.folder is None:
        shutil.rmtree(folder, ignore_errors=True)
    return int(n_faults > 0)


def _run_all(names: list[str], seed: int, folder: Path, *, talk: bool) -> int:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name in names:
        kind = name.partition("/")[0]
        item = drawn(kind, Random(f"{seed}/{name}"))
        outcome = run(item, folder / "scenery", folder / "scratch")
        how, fault = verdict(item, outcome)
        counts[kind][how] += 1
        if fault or talk:
            print(f"--- {name}: {fault or how} (status {outcome.status}, {outcome.cpu_seconds:.1f} s of CPU, ", end="")
            print(f"{outcome.memory_bytes / 1e6:.0f} MB)\n{_shown(item.line(), 1500)}")
            print(_shown(outcome.err, 2000 if talk else 700), flush=True)
    print(f"{'kind':<24}{'tried':>7}{'refused':>9}{'taken':>7}{'faults':>8}")
    total = sum(counts.values(), Counter())
    for kind, count in [*sorted(counts.items()), ("all", total)]:
        print(f"{kind:<24}{count.total():>7}{count['refused']:>9}{count['taken']:>7}{count['fault']:>8}")
    return total["fault"]


def _shown(text: str, most: int) -> str:
    """The beginning and the end of a text, in what any console shows."""
    plain = text.encode("utf-8", "backslashreplace").decode()
    plain = "".join(sign if sign.isprintable() or sign == "\n" else repr(sign)[1:-1] for sign in plain)
    return plain if len(plain) <= most else f"{plain[: most // 2]} … {plain[-most // 2 :]}"


if __name__ == "__main__":
    sys.exit(main())
