"""Published guides and the published form of a profile hold no error of content: what is official has to pass."""

import tarfile
from pathlib import Path

import pytest

from gateway.definitions.library import library
from gateway.fhirpath import Compiler, Environment
from gateway.model.wire import read_json
from gateway.terminology.membership import Terminology
from gateway.validating.structure.content import CONTENT
from gateway.validating.structure.scope import Scope, Tools

PACKAGES = Path(__file__).parents[4] / "shared" / "packages"


def environment(scope):
    return Environment(resource=scope.node, root=scope.node)


@pytest.mark.parametrize("name", ["hl7.fhir.us.core-6.1.0.tgz", "hl7.fhir.uv.ips-1.1.0.tgz"])
def test_guides(name):
    path = PACKAGES / name
    if not path.is_file():
        pytest.skip(f"{path.name} is not here")
    resources = []
    with tarfile.open(path) as archive:
        for member in archive.getmembers():
            place = member.name.split("/")
            if place[0] == "package" and (len(place) == 2 or place[1] == "example") and place[-1].endswith(".json"):
                body = archive.extractfile(member)
                resources.append(read_json(body.read()) if body else {})
    judged = [r for r in resources if r.get("resourceType") in CONTENT]
    at_hand = library([r for r in judged if r["resourceType"] == "Questionnaire"], [path])
    tools = Tools(at_hand, Terminology(at_hand), Compiler(at_hand), None, environment, None)
    found = [(r["url"], f.rule, f.expression) for r in judged for check in CONTENT[r["resourceType"]]
             for f in check(r, Scope(r, tools)) if f.severity == "error"]  # fmt: skip
    assert len(judged) > 100
    assert found == []
