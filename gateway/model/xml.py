"""XML in, the only way in: no DTD, no entities, no network, no huge trees, UTF-8 or UTF-16 only (XML 1.0; OWASP, XML External Entity Prevention)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from gateway.errors import Malformed, TooLarge, Unsupported
from gateway.model.wire import MAX_BYTES, MAX_DEPTH

if TYPE_CHECKING:
    from lxml.etree import XMLParser, _Element

_ENCODINGS = ("utf-8", "utf8", "utf-16", "utf16", "utf-16le", "utf-16be", "us-ascii", "ascii")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def read_xml(body: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> _Element:
    """XML bytes to the root element; comments and processing instructions are gone, so that they cannot cut a text in two.

    Raises TooLarge over a limit, Unsupported for another encoding, Malformed for a DOCTYPE and for what is not well-formed XML.
    """
    from lxml import etree  # here, because the command line starts without it

    if len(body) > max_bytes:
        raise TooLarge
    _encoded(body)
    try:
        root = etree.fromstring(body, _parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Malformed("The body is not one well-formed XML document.") from error
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise Malformed("A DOCTYPE is not allowed.")
    if _deeper(max_depth)(root):
        raise TooLarge("The document is nested too deeply.")
    return root


@cache
def _parser() -> XMLParser:
    from lxml import etree

    return etree.XMLParser(  # type: ignore[call-arg]  # the stubs do not know `decompress`
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        recover=False,
        remove_pis=True,
        remove_comments=True,
        decompress=False,
    )


@cache
def _deeper(max_depth: int) -> Callable[[_Element], Any]:
    """Whether a document has elements below that depth."""
    from lxml import etree

    return etree.XPath(f"boolean(/{'*/' * max_depth}*)")


def _encoded(body: bytes) -> None:
    """The encoding by byte order mark, else by declaration, else UTF-8; UTF-7, EBCDIC and others are refused before parsing."""
    if any(body.startswith(mark) for mark, _ in _BOMS) or body[:2] in (b"<\0", b"\0<"):
        return
    head = body[:200].lstrip()
    if not head.startswith(b"<"):
        raise Unsupported("The XML is not in UTF-8 or UTF-16.")
    declaration = head[: head.find(b"?>")] if head.startswith(b"<?xml") else b""
    _, _, rest = declaration.partition(b"encoding")
    name = rest.strip(b" \t\r\n=").strip(b"\"'").split(b'"')[0].split(b"'")[0].decode("ascii", "replace").lower()
    if name and name not in _ENCODINGS:
        raise Unsupported("The XML is not in UTF-8 or UTF-16.")
