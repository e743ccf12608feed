"""What the documents say is so: commands, variables and doors in README.md, the tree of errors, the public names, the description of the doors."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.house.source import ROOT

_DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")
_HEAVY = (
    "sqlalchemy",
    "fastapi",
    "starlette",
    "yaml",
    "lxml",
    "pydantic",
    "jsonschema",
    "httpx",
    "uvicorn",
    "alembic",
    "orjson",
)


def _commands() -> list[str]:
    """`gateway` and the names behind it, 1..2 of them, of every command there is."""
    import click

    from gateway.cli import _COMMANDS, _command

    found = []
    for name, (place, _) in _COMMANDS.items():
        module, _, attribute = place.partition(":")
        made = _command(getattr(__import__(f"gateway.cli.{module}", fromlist=[attribute]), attribute), name)
        below = list(made.commands) if isinstance(made, click.Group) else []
        found += [f"gateway {name} {inner}" for inner in below] or [f"gateway {name}"]
    return found


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _typed(name: str) -> list[str]:
    """What a reader is told to type in a document: `spans of code` and indented lines, without the remarks behind `#`."""
    lines = [line.partition(" #")[0] for line in re.findall(r"^    .*$", _text(name), re.MULTILINE)]
    return [*re.findall(r"`([^`\n]+)`", _text(name)), *lines]


def test_every_command_stands_in_the_readme() -> None:
    told = _text("README.md")
    assert [command for command in _commands() if command not in told] == []


def test_no_command_in_a_document_is_invented() -> None:
    known = set(_commands())
    groups = {command.rpartition(" ")[0] for command in known} - {"gateway"}
    for name in _DOCUMENTS:
        for line in _typed(name):
            for asked in re.findall(r"(?:^|[\s/])gateway ([a-z]+(?: [a-z]+)?)", line):
                first, _, second = asked.partition(" ")
                wanted = f"gateway {asked}" if f"gateway {first}" in groups and second else f"gateway {first}"
                assert wanted in known | groups, (name, line)


def test_every_environment_variable_stands_in_the_readme() -> None:
    from gateway.settings import Settings

    told = _text("README.md")
    names = [f"GATEWAY_{name.upper()}" for name in Settings.model_fields]
    assert [name for name in names if f"`{name}`" not in told] == []
    assert {name for name in re.findall(r"GATEWAY_[A-Z_0-9]+", told)} <= set(names)


def test_every_door_and_page_stands_in_the_readme() -> None:
    from fastapi import FastAPI

    from gateway.app import all_doors

    told = _text("README.md")
    assert [
        f"{door.method} {door.path}" for door in all_doors(FastAPI()) if f"`{door.method} {door.path}`" not in told
    ] == []
    assert "`/console`" in told


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_paths_in_a_document_exist(name: str) -> None:
    tops = "gateway|mappings|profiles|validators|tests|openapi"
    paths = re.findall(rf"`((?:{tops})/[A-Za-z0-9_./-]+)`", _text(name))
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_targets_of_make_in_a_document_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", _text("Makefile"), re.MULTILINE))
    asked = {target for line in _typed(name) for target in re.findall(r"(?:^|\s)make ([a-z]+)\b", line)}
    assert asked <= targets


def test_links_between_documents_lead_somewhere() -> None:
    for name in (*_DOCUMENTS, "CHANGELOG.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", _text(name)):
            assert (ROOT / target).exists(), (name, target)


def test_every_error_stands_in_the_tree_where_it_descends() -> None:
    from gateway import errors

    drawn: dict[str, str] = {}
    above = ["GatewayError"]
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ([│ ]*)[├└]── ([A-Z]\w+)", line):
            depth = len(found[1]) // 4 + 1
            above[depth:] = [found[2]]
            drawn[found[2]] = above[depth - 1]
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.GatewayError)]
    assert drawn == {one.__name__: one.__mro__[1].__name__ for one in classes if one is not errors.GatewayError}


def test_every_error_answers_in_every_dialect() -> None:
    from gateway import errors

    for one in vars(errors).values():
        if isinstance(one, type) and issubclass(one, errors.GatewayError):
            assert 400 <= one.status < 600, one
            assert one.ack in ("AE", "AR"), one
            assert one.condition in (
                "100",
                "101",
                "102",
                "103",
                "200",
                "201",
                "202",
                "203",
                "204",
                "205",
                "206",
                "207",
            ), one
            assert one.__doc__, one


def test_public_names_are_those_told() -> None:
    import gateway

    assert set(gateway.__all__) == {"Validator", "__version__", "convert", "decide"}
    assert sorted(gateway.__all__) == dir(gateway)
    for name in gateway.__all__:
        assert getattr(gateway, name) is not None
    assert not hasattr(gateway, "Released")


def test_importing_the_package_is_light() -> None:
    asked = f"import gateway, sys; sys.stdout.write(' '.join(m for m in {_HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_version_is_told_once() -> None:
    import gateway

    assert f'version = "{gateway.__version__}"' in _text("pyproject.toml")
    assert f"## [{gateway.__version__}]" in _text("CHANGELOG.md")


def test_the_description_of_the_doors_is_the_generated_one() -> None:
    from gateway.app import described
    from gateway.model.wire import read_json, write_json

    written = read_json((ROOT / "openapi/gateway.json").read_bytes())
    assert write_json(written, canonical=True) == write_json(described(), canonical=True), "run `make openapi`"
