"""One way in and out for bytes: JSON by model/wire.py, XML by model/xml.py; nothing is printed, no address or path of a machine is handed on."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.source import called, imported, modules, nodes, texts

_WIRE = "gateway/model/wire.py"
_XML = "gateway/model/xml.py"
_JSON_ELSEWHERE = {
    "gateway/demo/run.py": "writes demo.json for people to read; nothing of a record is in it",
}
_LXML_ELSEWHERE = {
    "gateway/definitions/xml_form.py": "the type of a node, and writing one out again (a narrative); it parses nothing",
    "gateway/validating/structure/narrative.py": "the type of a node, and selections of ours (XPath) in one that was read",
    "gateway/validating/structure/content/control.py": "the type of a node",
}
_XML_PARSERS = {
    "fromstring",
    "parse",
    "XMLParser",
    "iterparse",
    "XMLPullParser",
    "HTMLParser",
    "HTML",
    "XML",
    "XSLT",
    "XMLSchema",
    "XInclude",
}
_REGISTRIES = re.compile(
    "|".join(re.escape(".".join(words)) for words in (
        ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com"), ("deb", "debian", "org"),
        ("proxy", "golang", "org"), ("docker", "io"), ("packages", "fhir", "org"), ("packages", "simplifier", "net"),
    ))
)  # fmt: skip
_MACHINE = re.compile(
    r"""(?:^|[\s"'=(:])/(?:home|root|work|Users|opt|mnt|srv|build|workspace)/[A-Za-z0-9._-]""", re.MULTILINE
)


def _importing(*packages: str) -> set[str]:
    """The modules that import one of these packages, or something of it."""
    return {m.path for m in modules() for name, _ in imported(m.tree) if name.partition(".")[0] in packages}


def test_json_is_read_and_written_in_one_place() -> None:
    assert _importing("json", "orjson", "simplejson", "ujson") == {_WIRE} | _JSON_ELSEWHERE.keys()


def test_xml_is_parsed_in_one_place() -> None:
    assert _importing("xml", "defusedxml", "bs4", "xmltodict", "html5lib") == set()
    assert _importing("lxml") == {_XML} | _LXML_ELSEWHERE.keys()


@pytest.mark.parametrize("path", sorted(_LXML_ELSEWHERE))
def test_who_knows_nodes_parses_nothing(path: str) -> None:
    module = next(module for module in modules() if module.path == path)
    assert {name for name, _ in called(module.tree)} & _XML_PARSERS == set()


def test_yaml_is_read_safely() -> None:
    """Only `safe_load` and subclasses of a safe loader make values of YAML."""
    found = []
    for module in modules():
        for node in nodes(module.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "yaml":
                found.append((module.path, node.attr))
    assert found
    loaders = {
        path
        for path, name in found
        if name in ("load", "load_all", "unsafe_load", "full_load", "Loader", "FullLoader", "UnsafeLoader")
    }
    assert {
        path for path in loaders if (path, "SafeLoader") not in found and (path, "CSafeLoader") not in found
    } == set()


def test_nothing_is_unpickled_or_evaluated() -> None:
    for module in modules():
        roots = {name.partition(".")[0] for name, _ in imported(module.tree)}
        assert not roots & {"pickle", "marshal", "shelve", "dill"}, module.path
        assert not {name for name, _ in called(module.tree)} & {"eval", "exec", "__import__"}, module.path


def test_nothing_is_printed() -> None:
    """What a command says goes through typer or rich; a bare print would reach whatever standard output is."""
    found = [
        (m.path, node.lineno)
        for m in modules()
        for node in nodes(m.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert found == []


def test_no_address_of_a_registry_is_handed_on() -> None:
    assert [path for path, text in texts() if _REGISTRIES.search(text)] == []


def test_no_path_of_a_machine_is_handed_on() -> None:
    assert [path for path, text in texts() if _MACHINE.search(text)] == []
