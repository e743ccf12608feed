"""An expression as tokens (FHIRPath 2.0, appendix B, lexical elements); linear in the length of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.fhirpath.failures import NotCompiled

MOST_LONG = 20_000
_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+|//[^\n]*|/\*(?s:.*?)\*/)
    |(?P<time>@T[0-9][0-9:]*(?:\.[0-9]+)?)
    |(?P<date>@[0-9][0-9-]*(?:T(?:[0-9][0-9:]*(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?)?)
    |(?P<number>[0-9]+(?:\.[0-9]+)?L?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<string>'(?:[^'\\]|\\(?s:.))*')
    |(?P<delimited>`(?:[^`\\]|\\(?s:.))*`)
    |(?P<quoted>"(?:[^"\\]|\\(?s:.))*")
    |(?P<special>\$[a-z]+)
    |(?P<mark><=|>=|!=|!~|[-+*/&|=~<>.,()\[\]{}%])""",
    re.VERBOSE,
)
_ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "f": "\f"}
_ESCAPED = re.compile(r"\\(u[0-9A-Fa-f]{4}|(?s:.))")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Token:
    """`kind` is the name of its group in the pattern, `mark` or `end`; `text` without quotes and escapes; `at` counts from 1."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> list[Token]:
    """The tokens of a text and an `end`. Raises NotCompiled."""
    if len(text) > MOST_LONG:
        raise NotCompiled(f"The expression is longer than {MOST_LONG} characters.")
    return [*_tokens(text), Token("end", "", len(text) + 1)]


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise NotCompiled(f"The expression cannot be read at character {at + 1}.")
        kind = found.lastgroup or ""
        if kind != "blank":
            yield Token(kind, _plain(kind, found[0]), at + 1)
        at = found.end()


def _plain(kind: str, text: str) -> str:
    if kind in ("string", "delimited", "quoted"):
        return unescaped(text[1:-1])
    return text


def unescaped(text: str) -> str:
    """A text without its escapes (4.1.2); a backslash before any other character is left out."""
    return _ESCAPED.sub(_character, text) if "\\" in text else text


def _character(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) == 5:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code)
