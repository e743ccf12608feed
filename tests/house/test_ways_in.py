"""One way in and out for bytes: JSON by model/wire.py, XML by model/xml.py; nothing is printed, no address or path of a machine is handed on."""

from __future__ import annotations

import re

import pytest

from tests.house.source import ROOT, called, imported, modules, texts

_WIRE = "gateway/model/wire.py"
_XML = "gateway/model/xml.py"
_JSON_ELSEWHERE = {
    "gateway/demo/run.py": "writes demo.json for people to read; nothing of a record is in it",
}
_LXML_ELSEWHERE = {
    "gateway/definitions/xml_form.py": "the type of a node, and writing one out again (a narrative); it parses nothing",
    "gateway/validating/structure/narrative.py": "the type of a node",
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


def test_json_is_read_and_written_in_one_place() -> None:
    found = {
        module.path for module in modules() for name, _ in imported(module.tree) if name.partition(".")[0] in ("json", "orjson", "simplejson", "ujson")
    }  # fmt: skip
    assert found == {_WIRE} | _JSON_ELSEWHERE.keys()


def test_xml_is_parsed_in_one_place() -> None:
    parsers = {module.path for module in modules() for name, _ in imported(module.tree) if name.partition(".")[0] in ("xml", "defusedxml", "bs4", "xmltodict", "html5lib")}  # fmt: skip
    assert parsers == set()
    lxml = {
        module.path for module in modules() for name, _ in imported(module.tree) if name.partition(".")[0] == "lxml"
    }
    assert lxml == {_XML} | _LXML_ELSEWHERE.keys()


@pytest.mark.parametrize("path", sorted(_LXML_ELSEWHERE))
def test_who_knows_nodes_parses_nothing(path: str) -> None:
    module = next(module for module in modules() if module.path == path)
    assert {name for name, _ in called(module.tree)} & _XML_PARSERS == set()


def test_yaml_is_read_safely() -> None:
    unsafe = {"load", "load_all", "unsafe_load", "full_load", "FullLoader", "UnsafeLoader"}
    users = [
        module for module in modules() if any(name.partition(".")[0] == "yaml" for name, _ in imported(module.tree))
    ]
    assert users
    found = {m.path for m in users if re.search(r"yaml\.(" + "|".join(sorted(unsafe)) + r")\b(?!er)", m.text)}
    assert {path for path in found if "SafeLoader" not in _text(path)} == set()


def test_nothing_is_unpickled_or_evaluated() -> None:
    for module in modules():
        roots = {name.partition(".")[0] for name, _ in imported(module.tree)}
        assert not roots & {"pickle", "marshal", "shelve", "dill"}, module.path
        assert not {name for name, _ in called(module.tree)} & {"eval", "exec", "__import__"}, module.path


def test_nothing_is_printed() -> None:
    """What a command says goes through typer or rich; a bare print would reach whatever standard output is."""
    import ast

    found = [
        (m.path, node.lineno)
        for m in modules()
        for node in ast.walk(m.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert found == []


def test_no_address_of_a_registry_is_handed_on() -> None:
    assert [path for path, text in texts() if _REGISTRIES.search(text)] == []


def test_no_path_of_a_machine_is_handed_on() -> None:
    assert [path for path, text in texts() if _MACHINE.search(text)] == []


def _text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")
