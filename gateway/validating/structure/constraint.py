"""Profiles over base types: cardinality, types, fixed and pattern values, required bindings, extensions by url (FHIR R4, profiling.html).

What a profile says about elements is checked on top of the rules of the base type. Slices other than extensions, and invariants, are
not judged here; `Profile.partial` says when a profile has such, so that the caller can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.validating.structure.finding import MOST, NONE, Findings, Rule, below, error
from gateway.validating.structure.primitives import primitive
from gateway.validating.structure.values import contains, same


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a profile says of one element and what is below it. `most` -1 has no limit, None is not said."""

    name: str
    least: int = 0
    most: int | None = None
    types: frozenset[str] = frozenset()
    fixed: tuple[Any, ...] = ()
    pattern: tuple[Any, ...] = ()
    rules: tuple[Rule, ...] = ()
    children: tuple[Constraint, ...] = ()
    extensions: tuple[ExtensionSlice, ...] = ()
    step: str = ""  # where the name is one type of a choice: `value.ofType(Quantity)` for `valueQuantity`

    def check(self, node: Any) -> Findings:
        """The findings of one value of the element."""
        found = self._value(node)
        for rule in self.rules:
            found += rule.check(node)
        if not isinstance(node, Mapping):
            return found
        for child in self.children:
            found += child.inside(node)
        for extension in self.extensions:
            found += extension.inside(node)
        return found[:MOST]

    def inside(self, holder: Mapping[str, Any]) -> Findings:
        """The findings of the element in its holder: how many there are, and each of them."""
        values = list(occurrences(holder, self.name))
        found = self._counted(len(values))
        for step, kind, value in values:
            if kind and self.types and kind not in self.types:
                allowed = ", ".join(sorted(self.types))
                text = "The profile does not allow a value of this type."
                found += error("structure", "profile-type", text, expected=allowed, found=kind, at=step)
            if value is not None:
                found += below(self.check(value), self.step or step)
            if len(found) > MOST:
                break
        return found

    def _counted(self, size: int) -> Findings:
        if size < self.least:
            text = "The profile requires more values of an element."
            return error("required", "profile-min", text, expected=f"{self.name}: at least {self.least}", found=size)
        if self.most is not None and 0 <= self.most < size:
            text = "The profile allows fewer values of an element."
            return error("structure", "profile-max", text, expected=f"{self.name}: at most {self.most}", found=size)
        return NONE

    def _value(self, node: Any) -> Findings:
        if self.fixed and not same(node, self.fixed[0]):
            return error(
                "value",
                "profile-fixed",
                "The value is not the one the profile fixes.",
                expected=_said(self.fixed[0]),
                found=node,
            )
        if self.pattern and not contains(node, self.pattern[0]):
            text = "The value does not have the pattern of the profile."
            return error("value", "profile-pattern", text, expected=_said(self.pattern[0]), found=node)
        return NONE


@dataclass(frozen=True, slots=True)
class ExtensionSlice:
    """Extensions of one url: how many, and what the profile says of each. `key` is extension or modifierExtension."""

    key: str
    url: str
    least: int
    most: int
    inner: Constraint

    def inside(self, holder: Mapping[str, Any]) -> Findings:
        """The findings of all extensions of that url."""
        given = holder.get(self.key)
        rows = given if isinstance(given, list) else []
        places = [i for i, e in enumerate(rows) if isinstance(e, Mapping) and e.get("url") == self.url]
        found = NONE
        if len(places) < self.least:
            found = error("required", "profile-min", "The profile requires an extension.", expected=self.url)
        if 0 <= self.most < len(places):
            found = error(
                "structure", "profile-max", "The profile allows fewer extensions of this kind.", expected=self.url
            )
        for place in places[:MOST]:
            found += below(self.inner.check(rows[place]), f"{self.key}[{place}]")
        return found


def occurrences(holder: Mapping[str, Any], name: str) -> Iterator[tuple[str, str, Any]]:
    """The values of an element as (step, type of a choice, value); a primitive that has only an extension counts with value None."""
    if name.endswith("[x]"):
        yield from _choices(holder, name.removesuffix("[x]"))
        return
    value = holder.get(name)
    if isinstance(value, list):
        yield from ((f"{name}[{place}]", "", item) for place, item in enumerate(value))
    elif value is not None or f"_{name}" in holder:
        yield name, "", value


def _choices(holder: Mapping[str, Any], stem: str) -> Iterator[tuple[str, str, Any]]:
    for key in dict.fromkeys(key.removeprefix("_") for key in holder):
        kind = key[len(stem) :]
        if key.startswith(stem) and kind[:1].isupper():
            yield f"{stem}.ofType({_type_name(kind)})", kind, holder.get(key)


def _type_name(kind: str) -> str:
    """`dateTime` of `DateTime` in a key; complex types keep their capital."""
    name = kind[:1].lower() + kind[1:]
    return name if primitive(name) is not None else kind


def _said(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    return ", ".join(f"{key}: {_said(part)}" for key, part in value.items() if isinstance(part, str | int | Mapping))
