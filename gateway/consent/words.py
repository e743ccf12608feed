"""What a sender wrote in its own words does not leave with what was decided by its codes (attack notes A39).

Codes are what labels and decisions rest on. A display, a local code beside a classified one, a unit in words, a name in a reference
or in an extension of a primitive could say anything; none of it was decided, so none of it goes. Nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.consent.codes import codes
from gateway.consent.marks import labelling
from gateway.model.document import Resource

_WORDS = frozenset({"display", "userSelected"})
_META = frozenset({"security", "lastUpdated", "versionId"})
_UCUM = "http://unitsofmeasure.org"
_MASKED = "data-absent-reason"


@dataclass(frozen=True, slots=True)
class Speech:
    """What may be said: whether a coding is classified here, and the identifier systems that may leave."""

    classified: Callable[[Mapping[str, Any]], bool]
    identifiers: frozenset[str]


def speech_of(register: Mapping[str, Any], identifiers: frozenset[str]) -> Speech:
    """The rules of a site's register, compiled once for many resources."""
    rules = labelling(register, codes())
    return Speech(lambda coding: rules.coding((coding.get("system"), coding.get("code")))[1], identifiers)


def without_words(resource: Resource, speech: Speech) -> dict[str, Any]:
    """The resource without what its sender put in words of its own."""
    made = {name: _plain(name, value, speech) for name, value in resource.items() if name != "implicitRules"}
    if isinstance(meta := made.get("meta"), Mapping):
        made["meta"] = {name: value for name, value in meta.items() if name in _META}
    return {name: value for name, value in made.items() if value not in (None, {}, [])}


def _plain(name: str, value: Any, speech: Speech) -> Any:
    if name.startswith("_"):
        return value if _is_mask(value) else None
    if isinstance(value, list):
        kept = (_plain(name, one, speech) for one in _chosen(name, value, speech))
        return [one for one in kept if one not in (None, {}, [])]
    if not isinstance(value, Mapping):
        return value
    if name == "identifier" and not _may_leave(value, speech):
        return None
    return _object(name, value, speech)


def _object(name: str, value: Mapping[str, Any], speech: Speech) -> dict[str, Any] | None:
    made = {key: _plain(key, child, speech) for key, child in value.items() if key not in _WORDS}
    if "unit" in made:
        made["unit"] = made.get("code") if made.get("system") == _UCUM else None
    if name == "referenceRange":
        made.pop("text", None)
    if "url" in value and any(n.startswith("value") for n in value) and _speaks(value):
        return None  # an extension that holds words
    kept = {key: child for key, child in made.items() if child not in (None, {}, [])}
    return kept or None


def _chosen(name: str, values: Sequence[Any], speech: Speech) -> Sequence[Any]:
    """Of several: the identifiers that may leave; the classified codings, when there is one at all."""
    if name == "identifier":
        return [one for one in values if _may_leave(one, speech)]
    if name == "coding":
        return [one for one in values if isinstance(one, Mapping) and speech.classified(one)] or values
    return values


def _may_leave(identifier: Any, speech: Speech) -> bool:
    return isinstance(identifier, Mapping) and identifier.get("system") in speech.identifiers


def _speaks(extension: Mapping[str, Any]) -> bool:
    words = (
        "valueString",
        "valueMarkdown",
        "valueAnnotation",
        "valueAttachment",
        "valueHumanName",
        "valueUri",
        "valueUrl",
    )
    return any(name in extension for name in words)


def _is_mask(value: Any) -> bool:
    """The reason why a value is absent is ours or the standard's, not the sender's."""
    extensions = value.get("extension", ()) if isinstance(value, Mapping) else ()
    return bool(extensions) and all(str(one.get("url", "")).endswith(_MASKED) for one in extensions)


__all__ = ["Speech", "speech_of", "without_words"]
