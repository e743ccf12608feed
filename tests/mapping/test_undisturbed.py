"""The pause of the collector: one at a time, over in any case, and nothing is left for it to find."""

from __future__ import annotations

import gc
from pathlib import Path
from threading import Thread

import pytest

from gateway import convert
from gateway.mapping.undisturbed import undisturbed

MESSAGE = Path(__file__).parents[1] / "standards" / "hl7v2" / "golden" / "adt_a60_allergies.hl7"


def test_the_collector_is_off_inside_and_on_behind() -> None:
    assert gc.isenabled()
    with undisturbed():
        assert not gc.isenabled()
        with undisturbed():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_comes_back_after_an_error() -> None:
    with pytest.raises(KeyError), undisturbed():
        raise KeyError
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    try:
        with undisturbed():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_another_thread_has_no_pause_of_its_own() -> None:
    def other() -> None:
        with undisturbed():
            pass
        seen.append(gc.isenabled())

    seen: list[bool] = []
    with undisturbed():
        thread = Thread(target=other)
        thread.start()
        thread.join()
    assert seen == [False], "the pause of the first goes on"
    assert gc.isenabled()


def test_a_conversion_leaves_nothing_that_only_the_collector_finds() -> None:
    body = MESSAGE.read_bytes()
    convert(body, source="hl7v2")
    gc.collect()
    made = convert(body, source="hl7v2")
    assert len(made.origins) > 50
    del made
    assert gc.collect() == 0
