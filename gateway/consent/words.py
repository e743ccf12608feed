"""What a sender wrote in its own words does not leave with what was decided by its codes.

Codes are what labels and decisions rest on. A display, a code that nobody has classified in an element that no label is read from, a
unit in words, the id of an element, a name in a reference or in an extension could say anything; none of it was decided, so none of it
goes. Nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.consent.codes import codes
from gateway.consent.labels import rules_of
from gateway.consent.shapes import Shape, is_object, shapes
from gateway.model.document import Resource

_WORDS = frozenset({"display", "userSelected", "version"})
_META = frozenset({"security", "lastUpdated", "versionId"})
_UCUM = "http://unitsofmeasure.org"
_EMPTY: tuple[Any, ...] = (None, {}, [])


@dataclass(frozen=True, slots=True)
class Speech:
    """What may be said: whether a coding is classified here, and the identifier systems that may leave."""

    classified: Callable[[Mapping[str, Any]], bool]
    identifiers: frozenset[str]


def speech_of(register: Mapping[str, Any], identifiers: frozenset[str]) -> Speech:
    """The rules of a site's register, compiled once for many resources."""
    rules = rules_of(register)
    return Speech(lambda coding: rules.coding((coding.get("system"), coding.get("code")))[1], identifiers)


def without_words(resource: Resource, speech: Speech) -> dict[str, Any]:
    """The resource without what its sender put in words of its own."""
    shape = shapes().of(str(resource["resourceType"]))
    made = {
        name: _plain(name, name, value, shape, speech) for name, value in resource.items() if name != "implicitRules"
    }
    if isinstance(meta := made.get("meta"), Mapping):
        made["meta"] = {name: value for name, value in meta.items() if name in _META}
    return {name: value for name, value in made.items() if value not in _EMPTY}


def spoken(resource: Resource, speech: Speech) -> tuple[str, ...]:
    """The elements of an output, 0..*, that still hold words of its sender: what taking them out once more would change."""
    again = without_words(resource, speech)
    return tuple(f"{resource['resourceType']}.{name}" for name in resource if again.get(name) != resource[name])


def _plain(name: str, path: str, value: Any, shape: Shape, speech: Speech) -> Any:
    if name.startswith("_"):
        return _mask(value)
    if value.__class__ is str:
        return value
    if isinstance(value, list):
        kept = [_plain(name, path, one, shape, speech) for one in _chosen(name, path, value, shape, speech)]
        return [one for one in kept if one not in _EMPTY]
    if not is_object(value):
        return value
    if "resourceType" in value:
        return without_words(value, speech)
    if name == "identifier" and not _may_leave(value, speech):
        return None
    if name in ("extension", "modifierExtension") and not _is_known(value, speech):
        return None
    return _object(name, path, value, shape, speech)


def _object(name: str, path: str, value: Mapping[str, Any], shape: Shape, speech: Speech) -> dict[str, Any] | None:
    bare = _is_structural(path, shape)
    if bare and _is_lone_coding(value) and not speech.classified(value):
        return None
    made = {
        key: _plain(key, f"{path}.{key}", child, shape, speech)
        for key, child in value.items()
        if key not in _WORDS and key != "id" and not (bare and key == "text")
    }
    if "unit" in made:
        made["unit"] = made.get("code") if made.get("system") == _UCUM else None
    if name == "referenceRange":
        made.pop("text", None)
    kept = {key: child for key, child in made.items() if child.__class__ is str or child not in _EMPTY}
    if bare and not kept and path in shape.required_concepts:
        return {"extension": [_masked()]}
    return kept or None


def _is_structural(path: str, shape: Shape) -> bool:
    """Whether no label is read from what stands there, so that nothing but classified codes may."""
    return path.partition(".")[0] not in ("meta", "telecom") and shape.at(path).structural


def _is_lone_coding(value: Mapping[str, Any]) -> bool:
    """A Coding that is an element by itself (`MessageHeader.eventCoding`); a quantity is none."""
    return isinstance(value.get("code"), str) and "value" not in value and "coding" not in value


def _chosen(name: str, path: str, values: Sequence[Any], shape: Shape, speech: Speech) -> Sequence[Any]:
    """Of several: the identifiers that may leave; the classified codings, when there is one at all or no label is read there."""
    if name == "identifier":
        return [one for one in values if _may_leave(one, speech)]
    if name == "coding":
        known = [one for one in values if isinstance(one, Mapping) and speech.classified(one)]
        return known or ([] if _is_structural(path, shape) else values)
    return values


def _may_leave(identifier: Any, speech: Speech) -> bool:
    return isinstance(identifier, Mapping) and identifier.get("system") in speech.identifiers


def _is_known(extension: Mapping[str, Any], speech: Speech) -> bool:
    """An extension of a definition that R4 publishes, whose value says nothing but a number, a day, a yes or a classified code."""
    if extension.get("url") not in shapes().extensions:
        return False
    if _is_absent_reason(extension):
        return True
    return all(_is_mute(name, value, speech) for name, value in extension.items() if name.startswith("value"))


def _is_mute(name: str, value: Any, speech: Speech) -> bool:
    if name == "valueCoding":
        return isinstance(value, Mapping) and speech.classified(value)
    if name == "valueCodeableConcept":
        said = value.get("coding") if isinstance(value, Mapping) else None
        return (
            isinstance(said, list)
            and "text" not in value
            and all(isinstance(c, Mapping) and speech.classified(c) for c in said)
        )
    return name in shapes().mute_values


def _is_absent_reason(extension: Mapping[str, Any]) -> bool:
    """Why a value is absent is ours or the standard's, not the sender's."""
    known = (
        extension.get("url") == codes().systems["absentReason"]
        and extension.get("valueCode") in shapes().absent_reasons
    )
    return known and extension.keys() <= {"url", "valueCode"}


def _masked() -> dict[str, str]:
    return {"url": codes().systems["absentReason"], "valueCode": "masked"}


def _mask(value: Any) -> Any:
    """What stands beside a primitive value: the reason why it is absent, nothing else."""
    if isinstance(value, list):
        kept = [_mask(one) for one in value]
        return kept if any(kept) else None
    extensions: Iterable[Any] = value.get("extension", ()) if isinstance(value, Mapping) else ()
    reasons = [one for one in extensions if isinstance(one, Mapping) and _is_absent_reason(one)]
    return {"extension": reasons} if reasons else None


__all__ = ["Speech", "speech_of", "spoken", "without_words"]
