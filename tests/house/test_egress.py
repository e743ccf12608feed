"""The egress walk over the source: which modules may make an answer, open what is sealed, read what was released, and send."""

from __future__ import annotations

import ast

import pytest

from tests.house.source import Module, called, imported, modules, named, nodes

_MOUNT = "gateway/inbound/mount.py"
_OTHER_SIDE = {  # programs of their own in the demo, which no node of the gateway mounts
    "gateway/demo/receiver.py": "a recipient's server",
    "gateway/demo/provider.py": "an identity provider, with nothing but invented names",
}
_RESPONSES = {
    "Response",
    "JSONResponse",
    "HTMLResponse",
    "PlainTextResponse",
    "RedirectResponse",
    "StreamingResponse",
    "FileResponse",
    "ORJSONResponse",
}
_WEB = ("fastapi", "starlette")
_FRAMEWORK = ("gateway/app.py", "gateway/inbound/", "gateway/console/", *_OTHER_SIDE)
_READS_RELEASED = {
    _MOUNT: "writes it as the answer of a door",
    "gateway/inbound/fhir.py": "asks whether it holds anything, for the one 404",
    "gateway/inbound/writing.py": "asks whether its writer may read anything of what was written",
    "gateway/pipeline/choice.py": "picks places among it by what a search asks, and tags one resource; the stage cuts",
    "gateway/stages/release.py": "cuts of what it released as much as a question asks for",
    "gateway/standards/fhir/render.py": "renders it in the recipient's standard",
}
_RENDERERS = ("gateway/stages/deliver.py", "gateway/standards/")
_OPENS = {
    "gateway/pipeline/delivery.py": "what waits in the outbox, to be decided again",
    "gateway/pipeline/elsewhere.py": "the number by which a server of who holds the data knows a person, to ask there",
    "gateway/pipeline/emergency.py": "the reason that was given for an emergency, for the decision and for whoever reviews it",
    "gateway/pipeline/explaining.py": "the request of a decision, to be asked again; references and rules are told of it, no content",
    "gateway/pipeline/guardians.py": "who is whose guardian, for the decision; of the person as much as tells a guardian which child it is",
    "gateway/pipeline/index.py": "what waits in the outbox, to be kept here",
    "gateway/pipeline/onfile.py": "consents on file, for the decision",
    "gateway/pipeline/outcome.py": "the Consents on file, to see whether a late one would undo what they say",
    "gateway/pipeline/world.py": "resources that a question is about, to be decided item by item",
    "gateway/pipeline/sessions.py": "the identifier by which somebody who signed in names himself, for his own statement",
    "gateway/pipeline/simulation.py": "questions that were decided, to be decided again with other Consents; only what differs is told",
    "gateway/pipeline/withdrawing.py": "a Consent on file that its person takes back",
    "gateway/pipeline/resume.py": "a document that waited for its person, to go through the line again",
}
_NAMES_RELEASED = {
    "gateway/stages/release.py", "gateway/stages/deliver.py", "gateway/pipeline/__init__.py", "gateway/pipeline/pull.py",
    "gateway/pipeline/choice.py", "gateway/inbound/fhir.py",
    "gateway/standards/__init__.py", "gateway/standards/fhir/render.py", "gateway/standards/hl7v2/__init__.py",
    "gateway/standards/hl7v2/rendering.py", _MOUNT,
}  # fmt: skip
_PROGRAMS = {"gateway/pipeline/node.py": "the process pool for large documents (multiprocessing); it starts no program"}


def _who(*wanted: str) -> set[str]:
    """The modules that import one of these dotted names."""
    return {m.path for m in modules() for name, _ in imported(m.tree) if name in wanted}


def _answers(module: Module) -> list[str]:
    """Names of web responses that a module calls, under whatever name it imported them."""
    own = {
        alias.asname or alias.name: alias.name
        for node in nodes(module.tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in _WEB
        for alias in node.names
    }
    return [own.get(name, name) for name, _ in called(module.tree) if own.get(name, name) in _RESPONSES]


def test_only_the_mount_and_the_console_make_answers() -> None:
    makers = {m.path for m in modules() if _answers(m)}
    assert {
        path for path in makers if path not in (_MOUNT, *_OTHER_SIDE) and not path.startswith("gateway/console/")
    } == set()
    assert _MOUNT in makers


def test_the_web_framework_stays_at_the_doors() -> None:
    users = {m.path for m in modules() for name, _ in imported(m.tree) if name.partition(".")[0] in _WEB}
    assert {path for path in users if not path.startswith(_FRAMEWORK)} == set()


def test_the_simulator_is_mounted_by_no_node() -> None:
    assert {
        path
        for path in _who(
            "gateway.demo.receiver",
            "gateway.demo.receiver.Server",
            "gateway.demo.provider",
            "gateway.demo.provider.Provider",
        )
        if not path.startswith("gateway/demo/")
    } == set()


def test_one_stage_makes_released() -> None:
    assert {m.path for m in modules() if "take_maker" in {name for name, _ in called(m.tree)}} == {
        "gateway/stages/release.py"
    }
    assert _who("gateway.model.released.take_maker") == {"gateway/stages/release.py"}


def test_nobody_reaches_around_the_seal() -> None:
    """Neither by name, nor by import, nor by a text given to `getattr`; nor by an instance made without its constructor."""
    hidden, allowed = {"_SEAL", "_makers", "_make"}, {"gateway/model/released.py", "gateway/stages/release.py"}
    for module in modules():
        if module.path in allowed:
            continue
        names = {name.rpartition(".")[2] for name, _ in imported(module.tree)}
        names |= {named(node) for node in nodes(module.tree) if isinstance(node, ast.Name | ast.Attribute)}
        names |= {
            node.value for node in nodes(module.tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not names & hidden, module.path
        forged = [n for n in nodes(module.tree) if isinstance(n, ast.Call) and _forges(n)]
        assert not forged, module.path


def _forges(call: ast.Call) -> bool:
    """`Released.__new__(…)`, or `object.__setattr__(…)` and `object.__new__(…)` on anything but the caller itself."""
    what = call.func
    if not (isinstance(what, ast.Attribute) and what.attr in ("__new__", "__setattr__")):
        return False
    own = bool(call.args) and isinstance(call.args[0], ast.Name) and call.args[0].id in ("self", "cls")
    return named(what.value) == "Released" or (named(what.value) == "object" and not own)


def test_who_knows_released_is_known() -> None:
    """Somebody new who names it has to be looked at, and then stands in the list."""
    assert _who("gateway.model.released.Released") == _NAMES_RELEASED


def test_the_console_is_given_nothing_that_left_and_opens_nothing() -> None:
    for module in modules():
        if not module.path.startswith("gateway/console/"):
            continue
        names = {name for name, _ in imported(module.tree)}
        assert not {name for name in names if "released" in name.lower() and name.startswith("gateway.model")}, (
            module.path
        )
        assert not {
            name for name in names if name.startswith(("gateway.store", "gateway.stages", "gateway.outbound"))
        }, module.path
        attributes = {node.attr for node in nodes(module.tree) if isinstance(node, ast.Attribute)}
        assert not attributes & {
            "keyring",
            "open",
            "content",
            "payload",
            "resources",
            "resource",
            "consents",
            "outbox",
        }, module.path


def test_what_is_sealed_is_opened_by_the_line_alone() -> None:
    """`keyring.open` is the only way to the content of a stored row."""
    openers = {m.path for m in modules() for node in nodes(m.tree) if isinstance(node, ast.Call) and _opens(node.func)}
    assert openers == _OPENS.keys()


def _opens(call: ast.expr) -> bool:
    owner = call.value if isinstance(call, ast.Attribute) and call.attr == "open" else None
    return isinstance(owner, ast.Attribute | ast.Name) and named(owner) == "keyring"


def test_what_was_released_is_read_where_it_is_written_out() -> None:
    """`.resources` of a value called released; the store's method of that name is called, not read."""
    readers = set()
    for module in modules():
        methods = {id(node.func) for node in nodes(module.tree) if isinstance(node, ast.Call)}
        for node in nodes(module.tree):
            if isinstance(node, ast.Attribute) and node.attr == "resources" and id(node) not in methods:
                readers.add(module.path)
    readers = {path for path in readers if not path.startswith(("gateway/demo/", "gateway/model/released.py"))}
    assert {path for path in readers if path not in _READS_RELEASED and not path.startswith(_RENDERERS)} == set()


def test_one_module_sends() -> None:
    """`send` of a transport is called from the delivery alone; `_client.send` below the transport is httpx."""
    senders = set()
    for module in modules():
        for node in nodes(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "send":
                owner = node.func.value
                if not (isinstance(owner, ast.Name | ast.Attribute) and named(owner) in ("_client", "client")):
                    senders.add(module.path)
    assert senders == {"gateway/pipeline/delivery.py"}
    assert {m.path for m in modules() for name, _ in imported(m.tree) if name.startswith("gateway.outbound.http")} == {
        "gateway/app.py"
    }


@pytest.mark.parametrize(
    "package", ["httpx", "requests", "urllib.request", "http.client", "aiohttp", "socket", "ftplib", "smtplib"]
)
def test_the_line_has_no_network_of_its_own(package: str) -> None:
    allowed = ("gateway/outbound/", "gateway/demo/", "gateway/inbound/selftest.py")
    users = {
        m.path for m in modules() for name, _ in imported(m.tree) if name == package or name.startswith(f"{package}.")
    }
    assert {path for path in users if not path.startswith(allowed)} == set()


def test_programs_are_started_by_the_demo_alone() -> None:
    users = {
        m.path
        for m in modules()
        for name, _ in imported(m.tree)
        if name.partition(".")[0] in ("subprocess", "pty", "multiprocessing")
    }
    assert {path for path in users if not path.startswith("gateway/demo/") and path not in _PROGRAMS} == set()


def test_rows_that_wait_hold_no_rendered_bytes() -> None:
    """Neither the store nor `record`, which writes the outbox, knows Released or Rendered."""
    for module in modules():
        if module.path.startswith("gateway/store/") or module.path == "gateway/stages/record.py":
            names = {name.rpartition(".")[2] for name, _ in imported(module.tree)}
            assert not names & {"Released", "Rendered", "render"}, module.path
