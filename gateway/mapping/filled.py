"""A filled-in CSV of gaps into the overlay of a site: codes into tables, fields into `ignore:` with the reason that was given.

All or nothing: the new state is checked whole, and everything goes back when it is not sound.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Misconfigured
from gateway.mapping.gaps import COLUMNS, HIDDEN
from gateway.mapping.overlay import SENDERS

TABLE = ("id", "code", "target", "display", "system", "source")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PLACE = re.compile(r"[A-Z][A-Z0-9]{2}-[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}")
MAX_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Filled:
    """One row that says what becomes of a gap: `target` of a code, `because` of a field that is left out."""

    line: int
    sender: str
    what: str
    values: Mapping[str, str]


def read_filled(path: Path) -> list[Filled]:
    """The rows that somebody filled in. Raises Misconfigured with `file:line`."""
    if path.stat().st_size > MAX_BYTES:
        raise Misconfigured(f"{path.name}:1: the file is too large")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise Misconfigured(f"{path.name}:1: this is no CSV in UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if missing := set(COLUMNS) - set(reader.fieldnames or ()):
        raise Misconfigured(f"{path.name}:1: columns missing: {', '.join(sorted(missing))}")
    made = []
    ended = reader.line_num
    for row in reader:
        values = {key: " ".join((row[key] or "").split()) for key in COLUMNS}
        one = Filled(ended + 1, values["sender"], values["what"], values)
        ended = reader.line_num  # of a row with line breaks, the last of its lines
        if _is_filled(one) and (wrong := _wrong(one)):
            raise Misconfigured(f"{path.name}:{one.line}: {wrong}")
        made += [one] if _is_filled(one) else []
    return made


def _is_filled(one: Filled) -> bool:
    return bool(one.values["target"] if one.what == "code" else one.values["because"])


def _wrong(one: Filled) -> str:
    values = one.values
    if one.what == "code":
        if not _NAME.fullmatch(values["table"]):
            return "table: there is no such table"
        return "source: say where the target is from" if not values["source"] else _hidden(values["code"])
    if one.what != "field":
        return "what: this is code or field"
    return "" if _PLACE.fullmatch(values["position"]) else "position: this is no field of a segment"


def _hidden(code: str) -> str:
    return "code: this row stands for codes that are not shown" if code in ("", HIDDEN) else ""


def written(mappings: Path, rows: Sequence[Filled], participants: Sequence[str]) -> dict[Path, str]:
    """The new texts of the files that the rows change. Raises Misconfigured for a sender that the site does not have."""
    made: dict[Path, str] = {}
    for one in rows:
        if one.sender and one.sender not in participants:
            raise Misconfigured(f"line {one.line}: sender: there is no such participant")
        root = mappings / SENDERS / one.sender if one.sender else mappings
        path = root / "hl7v2" / (f"codes/{one.values['table']}.csv" if one.what == "code" else "messages/message.yaml")
        made[path] = (_with_code if one.what == "code" else _with_reason)(made.get(path, _text(path)), one)
    return made


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""


def _with_code(text: str, one: Filled) -> str:
    """One row more, in the columns that the file has."""
    columns = next(csv.reader(io.StringIO(text)), None) or list(TABLE)
    values = {**one.values, "id": one.values["id"] or one.values["code"]}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if not text:
        writer.writerow(columns)
    elif not text.endswith("\n"):
        out.write("\n")
    writer.writerow([values.get(column, "") for column in columns])
    return text + out.getvalue()


def _with_reason(text: str, one: Filled) -> str:
    """`ignore:` is the last key of a file that was written here; a file of another form is for people to change."""
    reason = one.values["because"].replace("\\", " ").replace('"', "'")
    line = f'  {one.values["position"]}: "{reason}"\n'
    if not text:
        return f"map: message\nignore:\n{line}"
    if line in text:
        return text
    if not re.search(r"^ignore:\n(?: .*\n)*\Z", text, re.MULTILINE):
        raise Misconfigured(
            f"line {one.line}: messages/message.yaml does not end with ignore:; add {line.strip()} by hand"
        )
    return text + line


def put(texts: Mapping[Path, str], check: Callable[[], Iterator[str]]) -> list[str]:
    """Writes the files; gives 0..* problems of the new state, and has put everything back when there are some."""
    before = {path: path.read_bytes() if path.exists() else None for path in texts}
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        _swap(path, text.encode())
    found = list(check())
    if found:
        for path, body in before.items():
            if body is None:
                path.unlink()
            else:
                _swap(path, body)
    return found


def _swap(path: Path, body: bytes) -> None:
    """In one step: who reads meanwhile sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(body)
    beside.replace(path)
