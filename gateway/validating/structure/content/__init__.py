"""Rules about the content of whole resources of one type, run after the rules of structure; each module has one type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gateway.validating.structure.finding import Findings

if TYPE_CHECKING:
    from gateway.validating.structure.scope import Scope

Check = Callable[[Mapping[str, Any], "Scope"], Findings]


def _in(name: str) -> Check:
    """The `check` of a module here, imported with the first resource of its type: most documents have none of these."""

    def check(node: Mapping[str, Any], scope: Scope) -> Findings:
        judge: Check = import_module(f"{__name__}.{name}").check
        return judge(node, scope)

    return check


CONTENT: Mapping[str, tuple[Check, ...]] = {
    "CapabilityStatement": (_in("capability"),),
    "CodeSystem": (_in("codesystem"),),
    "ConceptMap": (_in("conceptmap"),),
    "Measure": (_in("measure"),),
    "Questionnaire": (_in("questionnaire"),),
    "QuestionnaireResponse": (_in("response"),),
    "SearchParameter": (_in("searchparameter"),),
    "StructureDefinition": (_in("definition"),),
    "ValueSet": (_in("valueset"),),
}
