"""Plain Korean and English from data: sentences with gaps, Korean particles that follow the word before them (한글 맞춤법; UAX #15)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from gateway.data import data_path
from gateway.model.wire import read_json

Language = Literal["ko", "en"]
LANGUAGES: tuple[Language, ...] = ("ko", "en")

_GAP = re.compile(r"\{(\w+)(?:\|(\w+))?\}")
_HANGUL_FIRST, _HANGUL_LAST, _FINALS = 0xAC00, 0xD7A3, 28
# After a final consonant, after a vowel, and after anything whose sound the text does not tell.
_PARTICLES = {
    "이": ("이", "가", "이(가)"),
    "을": ("을", "를", "을(를)"),
    "은": ("은", "는", "은(는)"),
    "에": ("에", "에", "에"),
}
_FINAL_DIGITS = "013678"  # 영 일 삼 육 칠 팔 end in a consonant when read in Korean


@dataclass(frozen=True, slots=True)
class Wording:
    """All that the reports say in one language."""

    language: Language
    sentences: Mapping[str, str]
    words: Mapping[str, str]
    purposes: Mapping[str, str]
    types: Mapping[str, str]

    def say(self, sentence: str, /, **gaps: Any) -> str:
        """One sentence, its gaps filled. Raises KeyError for a gap that is not given: a defect of the data file, found by its test."""
        return fill(self.sentences[sentence], gaps)

    def word(self, name: str, /, **gaps: Any) -> str:
        return fill(self.words[name], gaps)

    def purpose(self, code: str) -> str:
        """A purpose of use (v3-ActReason) in words; an unknown one as its code; none as such."""
        return self.purposes.get(code, code) or self.words["unstated"]

    def items(self, references: tuple[str, ...]) -> str:
        """References to `2 × diagnosis, 1 × allergy`, in the order they came; types without a word are counted together."""
        if not references:
            return self.words["something"]
        types = [reference.partition("/")[0] for reference in references]
        known = {kind: types.count(kind) for kind in dict.fromkeys(types) if kind in self.types}
        parts = [self.word("count-of", count=count, what=self.types[kind]) for kind, count in known.items()]
        if rest := len(types) - sum(known.values()):
            parts.append(self.word("and-more", count=rest))
        return self.words["list"].join(parts)


def fill(text: str, gaps: Mapping[str, Any]) -> str:
    """`{name}` and `{name|particle}` replaced; what is filled in is never read as a gap again."""

    def one(gap: re.Match[str]) -> str:
        value = str(gaps[gap[1]])
        return value + particle(value, gap[2]) if gap[2] else value

    return _GAP.sub(one, text)


def particle(word: str, name: str) -> str:
    """The form of a Korean particle after a word: 병원이, 의원이, 보건소가; `이(가)` after letters we cannot sound out."""
    closed, open_, either = _PARTICLES[name]
    last = word[-1:]
    if last.isdecimal() and last.isascii():
        return closed if last in _FINAL_DIGITS else open_
    if not last or not _HANGUL_FIRST <= ord(last) <= _HANGUL_LAST:
        return either
    return closed if (ord(last) - _HANGUL_FIRST) % _FINALS else open_


@cache
def wording(language: Language) -> Wording:
    """The wording of one language, read once from validators/audit/sentences.<language>.json."""
    said = read_json(data_path("validators", "audit", f"sentences.{language}.json").read_bytes())
    tables = {
        name: {row["id"]: row["text"] for row in said[name]} for name in ("sentences", "words", "purposes", "types")
    }
    return Wording(language, **tables)
