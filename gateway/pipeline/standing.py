"""Who still stands in the site while a node runs: its participants' files are looked at again, once a second at most."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import structlog

from gateway.model.agreement import Site
from gateway.site.withdrawn import Stamp, less, stamp

_log = structlog.get_logger("gateway.site")


class Standing:
    """`began` is how the files were when the site was read; `clock` gives seconds that only grow (time.monotonic)."""

    def __init__(self, root: Path, began: Stamp, clock: Callable[[], float], every: float = 1.0) -> None:
        self._root = root
        self._began = began
        self._clock = clock
        self._every = every
        self._looked = float("-inf")
        self._last = began
        self._of: Site | None = None
        self._less: Site | None = None

    def of(self, site: Site) -> Site:
        """The site without what its files have taken away since it was read; the same one while nothing has changed."""
        now = self._clock()
        if now - self._looked >= self._every:
            self._looked = now
            found = stamp(self._root)
            if found != self._last:
                self._last, self._of = found, None
                _log.warning("participants of the site have changed; what was taken away counts from now on")
        if self._last == self._began and self._less is None:
            return site
        if self._of is not site or self._less is None:
            self._of, self._less = site, less(site, self._less or site)
        return self._less
