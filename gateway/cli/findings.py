"""Findings on a page for people: grouped by document, with the line they are about when somebody is looking, and a count at the end."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from gateway.cli.documents import Document
from gateway.cli.speaking import language
from gateway.model.report import Finding, Report
from gateway.model.wire import read_json

_STYLES = {"fatal": "bold white on red", "error": "bold red", "warning": "yellow", "information": "cyan"}
_SHOWN = {"error": ("fatal", "error"), "warning": ("fatal", "error", "warning"), "hint": tuple(_STYLES)}
_ALIKE = 3  # so many findings of one kind are shown before the rest is counted
_PLACE = 8  # width of the first column
_INDENT = " " * (_PLACE + 2)
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_GAP = "{}"  # where a sentence names something: the same in both languages
_NEAR = " Did you mean `{}`?"


@dataclass(frozen=True, slots=True)
class Words:
    """The page in one language: `said` is its frame, `texts` the sentences of findings, English to that language."""

    said: Mapping[str, str]
    texts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, lang: str = "") -> Words:
        """Korean or English (gateway/cli/speaking.py)."""
        korean = language(lang) == "ko"
        all_words: Any = _read("words.json")
        return cls(all_words["ko"], _read("texts.ko.json")) if korean else cls(all_words["en"])

    def tell(self, text: str) -> str:
        """What a finding says, in the language of the page; a sentence that has no translation stays as it is."""
        head, tail = _NEAR.split(_GAP)
        sentence, mark, near = text.partition(head)
        said = self._translated(sentence) if self.texts else ""
        if not said or not mark:
            return said or text
        return said + self.texts[_NEAR].replace(_GAP, near.removesuffix(tail))

    def _translated(self, sentence: str) -> str:
        """Empty for a sentence that is not there."""
        if sentence in self.texts:
            return self.texts[sentence]
        for known, said in self.texts.items():
            head, gap, tail = known.partition(_GAP)
            if gap and sentence.startswith(head) and sentence.endswith(tail) and len(sentence) > len(head + tail):
                return said.replace(_GAP, sentence[len(head) : len(sentence) - len(tail)])
        return ""

    def count(self, name: str, number: int) -> str:
        """`1 error`, `2 errors`."""
        return self.said[f"{name}.one" if number == 1 else f"{name}.many"].replace("{n}", f"{number:,}")

    @property
    def widest(self) -> int:
        """The columns that the longest word for a severity takes."""
        return max(cell_len(self.said[f"severity:{severity}"]) for severity in _STYLES)

    def __getitem__(self, name: str) -> str:
        return self.said[name]


@dataclass
class Page:
    """What has been shown so far. `level` is the least that is shown, `brief` leaves out documents that are fine."""

    console: Console
    words: Words
    level: str = "hint"
    verbose: bool = False
    brief: bool = False
    seen: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def fine(self) -> bool:
        """No errors so far."""
        return not self.counts["error"] and not self.counts["fatal"]

    def show(self, document: Document, report: Report) -> None:
        """One document and its findings, in the order of their places."""
        self.seen += document.report is None
        self.counts.update(finding.severity for finding in report.findings)
        shown = [finding for finding in report.findings if finding.severity in _SHOWN[self.level]]
        if not shown:
            if not self.brief:
                self._say(Text(_plain(document.name), "bold") + Text(f"  {self.words['fine']}", "green"))
            return
        self._say(Text(_plain(document.name), "bold underline" if self.console.is_terminal else "bold"))
        source = Source(document.body, document.line)
        for finding, more in _grouped(sorted(shown, key=lambda f: (f.line, f.column)), self.verbose):
            self._finding(finding, source)
            if more:
                self._say(Text(_INDENT + self.words.count("more", more), "dim italic"))
        self._say(Text())

    def total(self) -> None:
        """The count at the end."""
        errors = self.counts["error"] + self.counts["fatal"]
        named = (("errors", errors), ("warnings", self.counts["warning"]), ("hints", self.counts["information"]))
        said = ", ".join(self.words.count(name, number) for name, number in named)
        style = "bold red" if errors else "yellow" if self.counts["warning"] else "bold green"
        self._say(Text(f"{self.words.count('documents', self.seen)}: {said}", style))

    def _finding(self, finding: Finding, source: Source) -> None:
        place = f"{finding.line}:{finding.column}" if finding.line else ""
        severity = self.words[f"severity:{finding.severity}"]
        line = Text(f"{place:>{_PLACE}}  ", "dim")
        line += Text(severity, _STYLES[finding.severity]) + Text(" " * (self.words.widest - cell_len(severity) + 2))
        line += Text(_plain(finding.expression) or self.words["document"], "bold")
        self._say(line + Text(f"  [{_plain(finding.rule)}]" if finding.rule else "", "dim"))
        self._say(Text(_INDENT) + Text(_plain(self.words.tell(finding.text))))
        said = [(name, _plain(value)) for name in ("found", "expected") if (value := getattr(finding, name))]
        if said:
            parts = (Text(f"{self.words[name]} ", "dim") + Text(value) for name, value in said)
            self._say(Text(_INDENT) + Text("   ").join(parts))
        if self.verbose and finding.link:
            self._say(Text(_INDENT) + Text(_plain(finding.link), "blue underline"))
        if self.console.is_terminal and finding.line:
            self._excerpt(source.excerpt(finding.line, finding.column, max(self.console.width - 16, 40)), finding)

    def _excerpt(self, parts: tuple[str, str, str] | None, finding: Finding) -> None:
        """The line of the document, and a mark under the place, in columns of the terminal (Hangul takes two)."""
        if parts is None:
            return
        before, at, behind = parts
        style = _STYLES[finding.severity]
        margin = Text(f"{_INDENT}| ", "dim")
        self._say(margin + Text(before) + Text(at, style) + Text(behind))
        self._say(margin + Text(" " * cell_len(before)) + Text("^", style))

    def _say(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)


@dataclass
class Source:
    """The text of a document, cut into lines when the first is asked for. `before` lines of the file are not in it."""

    body: bytes
    before: int = 0

    @cached_property
    def lines(self) -> list[str]:
        """As editors count them."""
        from gateway.validating.positions.text import decoded, is_xml

        try:
            text = decoded(self.body)
        except UnicodeDecodeError:
            text = self.body.decode("utf-8", "replace")
        return text.split("\n") if is_xml(self.body) or text.lstrip()[:1] in ("{", "[") else _LINE_ENDS.split(text)

    def excerpt(self, line: int, column: int, width: int) -> tuple[str, str, str] | None:
        """The line before, at and behind a place, together no wider than asked; None for a place that is not there."""
        if not 0 <= line - self.before - 1 < len(self.lines):
            return None
        text = self.lines[line - self.before - 1].rstrip("\r")
        at = min(column - 1, len(text))
        indent = len(text) - len(text.lstrip())
        start = max(min(indent, at), at - width // 2)
        stop = start + width
        head = "…" if start > indent else ""
        return (
            head + _plain(text[start:at]),
            _plain(text[at : at + 1]),
            _plain(text[at + 1 : stop]) + "…"[: len(text) > stop],
        )


def _read(name: str) -> Any:
    return read_json((Path(__file__).parent / name).read_bytes())


def _grouped(findings: list[Finding], every: bool) -> Iterator[tuple[Finding, int]]:
    """Findings with how many more of their kind are not shown: the same rule at the same element, whatever its place in a list."""
    kinds = Counter(_kind(finding) for finding in findings)
    shown: Counter[tuple[str, ...]] = Counter()
    for finding in findings:
        kind = _kind(finding)
        shown[kind] += 1
        if every or shown[kind] < _ALIKE:
            yield finding, 0
        elif shown[kind] == _ALIKE:
            yield finding, kinds[kind] - _ALIKE


def _kind(finding: Finding) -> tuple[str, ...]:
    element = "".join(sign for sign in finding.expression if not sign.isdigit())
    return finding.severity, finding.rule, finding.text, element


def _plain(text: str) -> str:
    """Text that cannot move the cursor, change colours or turn the direction of what follows."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if sign == "\t" else sign if unicodedata.category(sign)[0] != "C" else "·" for sign in text)
