"""Texts in other alphabets (FHIRPath 2.0, 5.6: additional string functions): `encode`, `decode`, `escape`, `unescape`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping

from gateway.errors import Unusable
from gateway.fhirpath.code import EMPTY, Functions, plain
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import NotEvaluated
from gateway.fhirpath.values import text
from gateway.model.wire import read_json, write_json

Forms = Mapping[str, Callable[[str], str]]


def _hex(value: str) -> str:
    return value.encode().hex()


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode("ascii")


def _url_base64(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).decode("ascii")


def _of_hex(value: str) -> str:
    return bytes.fromhex(value).decode()


def _of_base64(value: str) -> str:
    return base64.b64decode(value, validate=True).decode()


def _of_url_base64(value: str) -> str:
    return base64.b64decode(value, altchars=b"-_", validate=True).decode()


def _html(value: str) -> str:
    import html  # a large table, seldom needed

    return html.escape(value)


def _of_html(value: str) -> str:
    import html

    return html.unescape(value)


def _json(value: str) -> str:
    return write_json(value).decode()[1:-1]


def _of_json(value: str) -> str:
    try:
        return str(read_json(f'"{value}"'.encode()))
    except (Unusable, UnicodeEncodeError) as error:
        raise NotEvaluated("The text cannot be read as it is written.") from error


_ENCODE: Forms = {"hex": _hex, "base64": _base64, "urlbase64": _url_base64}
_DECODE: Forms = {"hex": _of_hex, "base64": _of_base64, "urlbase64": _of_url_base64}
_ESCAPE: Forms = {"html": _html, "json": _json}
_UNESCAPE: Forms = {"html": _of_html, "json": _of_json}


def _by_name(forms: Forms) -> Callable[..., list[object]]:
    """Empty for an unknown form, and for a text that is not in it."""

    def run(state: State, items: list[object], form: list[object]) -> list[object]:
        value, name = text(items), text(form)
        made = forms.get(name or "")
        if value is None or made is None:
            return EMPTY
        try:
            return [state.text(made(value))]
        except (ValueError, binascii.Error):
            return EMPTY

    return run


FUNCTIONS: Functions = {
    "encode": plain(_by_name(_ENCODE), 1),
    "decode": plain(_by_name(_DECODE), 1),
    "escape": plain(_by_name(_ESCAPE), 1),
    "unescape": plain(_by_name(_UNESCAPE), 1),
}
