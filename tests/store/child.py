"""Another process on the same database, started by the tests: `child.py URL open` or `child.py URL commit PERSON UNITS`.

`commit` prints the digest of each unit's document once its future has said that it is durable.
"""

from __future__ import annotations

import sys
from concurrent.futures import Future
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from gateway.audit.row import row_of
from gateway.model.document import PersonKey
from gateway.model.records import Unit
from gateway.store import open_store
from tests.store.conftest import document, entry, fact


def commit(url: str, of: PersonKey, units: int) -> None:
    store = open_store(url, place=row_of)
    print("ready", flush=True)

    def say(digest: str, done: Future[None]) -> None:
        if done.exception() is None:
            print(digest, flush=True)

    for _ in range(units):
        one = document()
        unit = Unit((one, fact(of), entry(f"mapo:{of}")))
        done = store.commit(unit)
        done.add_done_callback(lambda done, digest=one.digest: say(digest, done))
        if _ % 20 == 0:
            done.exception()
    store.close()


if __name__ == "__main__":
    url, what, *rest = sys.argv[1:]
    if what == "open":
        open_store(url, place=row_of).close()
    else:
        commit(url, PersonKey(rest[0]), int(rest[1]))
