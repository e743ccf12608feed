"""`python tests/validating/mutants/score.py [KIND …]`: how many mutants are found, by kind, and each one that is not.

`--most N` takes at most N of one kind from one example (default 8), `--every N` only each N-th, `--survivors N` lists so many.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.validating.mutants.document import shown
from tests.validating.mutants.generate import MOST
from tests.validating.mutants.judge import Judge, sample
from tests.validating.mutants.mutant import Mutant


def main() -> int:
    """Prints the score; ends with 1 when fewer than 99 of 100 are found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*")
    parser.add_argument("--most", type=int, default=MOST)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--survivors", type=int, default=1000)
    given = parser.parse_args()
    judge, total, survivors = Judge(), Counter[str](), defaultdict[str, list[Mutant]](list)
    start = time.monotonic()
    for mutant in sample(given.every, given.most):
        if given.kinds and mutant.kind not in given.kinds:
            continue
        total[mutant.kind] += 1
        if not judge.new_errors(mutant):
            survivors[mutant.kind].append(mutant)
    for kind, mine in survivors.items():
        for mutant in mine[: given.survivors]:
            print(f"  {kind}: {mutant.example} {shown(mutant.place)} ({mutant.why})")
    for kind, count in sorted(total.items()):
        print(f"{kind:34} {count - len(survivors[kind]):6} / {count:6}")
    for crash, count in Counter(judge.crashes).most_common():
        print(f"  crash: {crash} ({count} times)")
    missed = sum(len(mine) for mine in survivors.values())
    share = 1 - missed / max(total.total(), 1)
    print(
        f"{'all':34} {total.total() - missed:6} / {total.total():6}  {share:.4f}  in {time.monotonic() - start:.0f} s"
    )
    return int(share < 0.99)


if __name__ == "__main__":
    sys.exit(main())
