"""`make mutants`: one small change at a time in gateway/consent, and does a test notice? (mutation testing; not in CI)

`run.py [MODULE …] [--most N] [--jobs N]` changes functions and tables of these modules (all that decide, label, redact or prove, without a
name) and runs on each change those tests of consent that reach it, the quickest first. The tests run once to see what each reaches;
each mutant is a fork of that process in which one function is another one, so that nothing is loaded twice and nothing is written.
What survives is listed with its line. `equivalents.yaml` lists, each with its reason, the changes that no input can tell: they count as
none, and one that is noticed after all is a fault of that list. Exit code 1 below GOAL, or for such a fault.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import resource
import signal
import sys
import tempfile
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)
sys.dont_write_bytecode = True

import coverage  # noqa: E402
import pytest  # noqa: E402
import yaml  # noqa: E402

from tests.mutants.changes import Mutant, mutants  # noqa: E402

GOAL = 0.95
MODULES = (
    "filed", "verdict", "decision", "dimensions", "provisions", "trust", "statutes", "purpose", "period", "marks", "succession", "restate",
    "coarsen", "hidden", "redact", "proof", "labels", "words", "codes", "shapes", "policy", "question", "asked", "case", "explain",
    "reporting", "truth", "paper", "plan", "leaves", "reach", "guardianship",
)  # fmt: skip
TESTS = "tests/consent"
OPTIONS = (
    "-s", "-oaddopts=--import-mode=importlib", *(f"-pno:{plugin}" for plugin in ("cacheprovider", "xdist", "logging", "terminal")),
)  # fmt: skip
CACHED = {
    "codes": "codes",
    "shapes": "shapes",
    "policy": "_validator",
    "proof": "_dotted",
}  # what is read once in a process
LONG = 0.5  # seconds; a test that takes longer is asked only where no quicker one goes
GIVEN_UP = 2.0  # seconds of CPU, and ten times what the test took: one that does not end is noticed
MOST_MEMORY = 4 << 30
_LOADING = "loading"


class Reach:
    """Which tests run which lines, and how long each takes."""

    def __init__(self) -> None:
        self._folder = ROOT / "gateway/consent"
        self._cover = coverage.Coverage(data_file=None, config_file=False, include=[f"{self._folder}/*"])
        self._seconds: dict[str, float] = {}
        self._lines: dict[str, Mapping[int, Sequence[str]]] = {}
        self._items: dict[str, Any] = {}

    def learn(self, items: list[Any]) -> None:
        """Runs every test once. Raises SystemExit when one fails without any change."""
        self._items = {item.nodeid: item for item in items}
        self._cover.start()
        self._cover.switch_context(_LOADING)
        forget()
        for module, name in CACHED.items():
            loaded = importlib.import_module(f"gateway.consent.{module}")
            for arguments in [(one,) for one in loaded._SCHEMAS] if module == "policy" else [()]:
                getattr(loaded, name)(*arguments)
        for item, following in zip(items, [*items[1:], None], strict=True):
            self._cover.switch_context(item.nodeid)
            started = time.process_time()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            self._seconds[item.nodeid] = time.process_time() - started
        self._cover.stop()
        if items[0].session.testsfailed:
            raise SystemExit("The tests fail without any change.")
        for path in self._cover.get_data().measured_files():
            self._lines[Path(path).stem] = self._cover.get_data().contexts_by_lineno(path)

    def tests(self, mutant: Mutant) -> tuple[list[tuple[Any, float]], bool]:
        """The tests that reach a mutant with their seconds, the quickest first, and whether what is read once has to be read again."""
        lines = self._lines.get(mutant.module, {})
        reached = {test for part in mutant.reach for line in part for test in lines.get(line, ())}
        loading = _LOADING in reached
        known = sorted((self._seconds[t], t) for t in (self._items if loading else reached & self._items.keys()))
        own = f"/test_{mutant.module}"
        quick = [(seconds, test) for seconds, test in known if seconds < LONG or own in test] or known
        return [(self._items[test], seconds) for seconds, test in quick], loading


class Trial:
    """Takes the place of pytest's own loop: every mutant a fork with its own tests, until one notices."""

    def __init__(self, modules: list[str], most: int, jobs: int, equivalents: Mapping[str, str]) -> None:
        self.modules, self.most, self.jobs, self.equivalents = modules, most, jobs, equivalents
        self.reach = Reach()
        self.rows: list[tuple[str, int, int, int]] = []  # module, noticed, tried, equivalent
        self.faults: list[str] = []
        self._is_child = False

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Examples by chance are not asked: what they find, a test in words has to find each time."""
        items[:] = [item for item in items if not getattr(item.obj, "is_hypothesis_test", False)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        tell(f"{len(session.items)} tests, run once to see what each reaches …")
        self.reach.learn(session.items)
        gc.collect()
        gc.freeze()
        for module in self.modules:
            self._try(module)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> None:
        if call.excinfo is None or call.excinfo.errisinstance(pytest.skip.Exception):
            return
        if self._is_child:
            os._exit(1)
        tell(f"  fails without any change: {item.nodeid}")

    def _try(self, module: str) -> None:
        made = mutants(module)
        chosen = made[:: max(1, len(made) // self.most)] if self.most else made
        noticed = self._noticed(module, chosen)
        same = [one for one in chosen if one.key in self.equivalents]
        left = [one for one in chosen if one not in noticed and one.key not in self.equivalents]
        self.rows.append((module, len(chosen) - len(same) - len(left), len(chosen) - len(same), len(same)))
        known = {one.key for one in made}
        self.faults += [f"noticed, and so no equivalent: {one.key}" for one in same if one in noticed]
        self.faults += [
            f"no such change: {key}" for key in self.equivalents if key.startswith(module + ".") and key not in known
        ]
        tell(row_of(self.rows[-1]))
        for one in left:
            tell(f"    gateway/consent/{module}.py:{one.line}: {one.key}")

    def _noticed(self, module: str, chosen: list[Mutant]) -> set[Mutant]:
        waiting, running, noticed, done = deque(chosen), {}, set(), 0
        said = time.monotonic()
        while waiting or running:
            while waiting and len(running) < self.jobs:
                one = waiting.popleft()
                running[self._fork(one)] = one
            pid, status = os.wait()
            one, done = running.pop(pid), done + 1
            if status != 0:
                noticed.add(one)
            if time.monotonic() - said > 10:
                said = time.monotonic()
                tell(f"  {module}: {done} of {len(chosen)}, {done - len(noticed)} not noticed")
        return noticed

    def _fork(self, mutant: Mutant) -> int:
        child = os.fork()
        if child == 0:
            try:
                self._run(mutant)
            finally:
                os._exit(1)  # what goes wrong here does so because of the change
        return child

    def _run(self, mutant: Mutant) -> None:
        self._is_child = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        signal.alarm(300)
        tests, loading = self.reach.tests(mutant)
        mutant.put()
        if loading:
            forget()
        for (item, seconds), following in zip(tests, [*(item for item, _ in tests[1:]), None], strict=True):
            signal.setitimer(signal.ITIMER_PROF, GIVEN_UP + 10 * seconds)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        os._exit(0)


def forget() -> None:
    """Empties what is read once in a process."""
    for module, name in CACHED.items():
        getattr(importlib.import_module(f"gateway.consent.{module}"), name).cache_clear()


def tell(text: str) -> None:
    """A line on the real standard output; pytest may hold the other."""
    sys.__stdout__.write(text + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


def row_of(row: tuple[str, int, int, int]) -> str:
    """A line of the table."""
    module, noticed, tried, same = row
    return f"{module:<12} {noticed:>5} of {tried:>5} noticed {noticed / max(tried, 1):>7.1%}" + (
        f"   ({same} equivalent)" if same else ""
    )


def equivalents() -> dict[str, str]:
    """What no input can tell, with its reason."""
    rows = yaml.safe_load((Path(__file__).parent / "equivalents.yaml").read_text("utf-8")) or ()
    found: dict[str, str] = defaultdict(str)
    for row in rows:
        for change in row["changes"]:
            found[change] = row["because"]
    return dict(found)


def main() -> int:
    """Tries them, tells what survived, and gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", choices=[*MODULES, []], default=[])
    parser.add_argument("--most", type=int, default=0, help="about so many of each module, evenly spread")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="so many at a time")
    said = parser.parse_args()
    os.nice(10)
    os.chdir(ROOT)
    trial = Trial(said.modules or list(MODULES), said.most, said.jobs, equivalents())
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = folder  # not in the source tree
        code = pytest.main([*OPTIONS, TESTS], plugins=[trial])
    if not trial.rows:
        return int(code) or 2
    return finish(trial)


def finish(trial: Trial) -> int:
    """The table, the faults of the list, and the closing line."""
    noticed, tried, same = (sum(row[place] for row in trial.rows) for place in (1, 2, 3))
    for row in trial.rows:
        tell(row_of(row))
    for fault in trial.faults:
        tell(f"equivalents.yaml: {fault}")
    tell(f"{row_of(('all', noticed, tried, same))}; the goal is {GOAL:.0%}")
    return 0 if noticed / max(tried, 1) >= GOAL and not trial.faults else 1


if __name__ == "__main__":
    sys.exit(main())
