"""Every fact that the independent scorer calls LOST is named by our own loss list, or is read in an element that cites its field."""

import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from gateway import convert
from gateway.model.report import Conversion

SHARED = Path(__file__).resolve().parents[4] / "shared"
SAMPLES = SHARED / "samples" / "hl7v2"
FIELD = re.compile(r"([A-Z][A-Z0-9]{2})-(\d+)")

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # the scorer leaves files to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.long,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason="the shared samples are not here"),
]


def lost(scorer: Any, path: Path, made: Conversion) -> Iterator[tuple[str, str]]:
    """(fact, its text) of what the scorer finds nowhere in the Bundle."""
    bundle = scorer.Bundle(json.loads(json.dumps(made.content)))
    entities = [one for message in scorer.load_messages(path) for one in scorer.facts(message)]
    for _, fact, text, _, survived in scorer.score(entities, bundle):
        if not survived:
            yield fact, text


def named(fact: str, text: str, made: Conversion) -> bool:
    """A loss at a position of the field, or an element from there in which the text can be read (within a longer one)."""
    found = FIELD.match(fact)
    assert found is not None, fact
    field = re.compile(rf"{found[1]}\[\d+\]-{found[2]}\[")
    if any(field.match(loss.source) for loss in made.losses):
        return True
    places = [path for path, origin in made.origins.items() if any(map(field.match, origin.source.split()))]
    return any(text.casefold() in str(at(made, place)).casefold() for place in places)


def at(made: Conversion, path: str) -> Any:
    found = made.content
    for name, number in re.findall(r"\.([A-Za-z_]+)|\[(\d+)\]", path.removeprefix("Bundle")):
        found = found[name] if name else found[int(number)]
    return found


def test_what_the_scorer_misses_is_in_our_loss_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SHARED / "tools"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    scorer = import_module("score_v2")
    unnamed = {}
    for path in sorted(SAMPLES.rglob("*.hl7")):
        made = convert(path.read_bytes(), source="hl7v2")
        if missed := [fact for fact, text in lost(scorer, path, made) if not named(fact, text, made)]:
            unnamed[path.name] = missed
    assert unnamed == {}
