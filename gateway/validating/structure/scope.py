"""Where a rule stands: the resource around its node, and the resource around that (FHIRPath `%resource`, `%rootResource`; R4, references.html)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.fhirpath import Environment, Node

if TYPE_CHECKING:
    from gateway.definitions.library import Library
    from gateway.fhirpath import Compiler
    from gateway.terminology.membership import Terminology
    from gateway.validating.structure.profiled import Profiles


@dataclass(frozen=True, slots=True)
class Tools:
    """What rules look things up in; one per Validator. `environment` makes what an expression may ask of a scope."""

    library: Library
    terminology: Terminology
    compiler: Compiler
    profiles: Profiles
    environment: Callable[[Scope], Environment]
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Scope:
    """One resource under judgement. `outer` is the scope of what holds it (Bundle, Parameters, a resource with `contained`).

    `full_url` is that of its Bundle entry; `contained` says it stands in `contained`.
    """

    resource: Mapping[str, Any]
    tools: Tools
    outer: Scope | None = None
    full_url: str = ""
    contained: bool = False
    kept: dict[str, Any] = field(
        default_factory=dict, compare=False, repr=False
    )  # what was found once for this resource
    inner: dict[int, Scope] = field(default_factory=dict, compare=False, repr=False)  # by the identity of the resource

    @property
    def type(self) -> str:
        """The type the resource names."""
        return str(self.resource.get("resourceType", ""))

    @property
    def node(self) -> Node:
        """The resource for expressions."""
        return Node(self.resource, self.type)

    @property
    def document(self) -> Scope:
        """The outermost resource."""
        at = self
        while at.outer is not None:
            at = at.outer
        return at

    @property
    def container(self) -> Scope:
        """The resource that `#` names: the one around a contained resource, else itself."""
        at = self
        while at.contained and at.outer is not None:
            at = at.outer
        return at

    def environment(self) -> Environment:
        """What an expression may ask, made once for the resource."""
        made: Environment | None = self.kept.get("environment")
        if made is None:
            made = self.kept["environment"] = self.tools.environment(self)
        return made

    def inside(self, resource: Mapping[str, Any], *, full_url: Any = "", contained: bool = False) -> Scope:
        """The scope of a resource within this one; the same one each time it is asked for."""
        mark = id(resource)
        known = self.inner.get(mark)
        if known is None:
            url = full_url if isinstance(full_url, str) else ""
            known = self.inner[mark] = Scope(resource, self.tools, self, url, contained)
        return known
