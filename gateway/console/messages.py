"""What the console says: one file of messages per language, and which language a reader wants (RFC 9110, 12.5.4 Accept-Language)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import cache
from pathlib import Path

from gateway.audit.wording import LANGUAGES, Language, fill
from gateway.model.wire import read_json

_FOLDER = Path(__file__).parent / "messages"
_DEFAULT: Language = "ko"


@dataclass(frozen=True, slots=True)
class Messages:
    """All wording of one language."""

    language: Language
    said: Mapping[str, str]

    def say(self, name: str, /, **gaps: object) -> str:
        """One message, its gaps filled. Raises KeyError for a message that is not there: a defect, found by a test."""
        return fill(self.said[name], gaps)

    def term(self, kind: str, code: str) -> str:
        """The word for a code of some kind (`status`, `stage` …); a code without a word is said as it is."""
        return self.said.get(f"{kind}:{code}", code)

    def moment(self, at: datetime, zone: tzinfo) -> str:
        """A time as people say it, in the site's zone, to the minute."""
        local = at.astimezone(zone)
        month = self.said[f"month:{local.month}"]
        return self.say("moment", day=local.day, month=month, year=local.year, time=f"{local:%H:%M}")

    def day(self, until: str) -> str:
        """A day (`2026-12-31`) as people say it; anything else, such as a year or a time, as it is."""
        try:
            at = date.fromisoformat(until)
        except ValueError:
            return until
        return self.say("day", day=at.day, month=self.said[f"month:{at.month}"], year=at.year)


@cache
def messages(language: Language) -> Messages:
    """The messages of one language, read once."""
    return Messages(language, read_json((_FOLDER / f"{language}.json").read_bytes()))


def language_of(asked: str, accept: str) -> Language:
    """`?lang=` first, then the best of Accept-Language that we speak, then Korean."""
    if asked in LANGUAGES:
        return asked
    wanted = sorted(_weighted(accept), reverse=True)
    spoken = [language for weight, _, tag in wanted if weight > 0 for language in LANGUAGES if tag == language]
    return spoken[0] if spoken else _DEFAULT


def _weighted(accept: str) -> list[tuple[float, int, str]]:
    """(weight, order, primary tag) of each range; a weight that cannot be read counts as none."""
    found = []
    for order, one in enumerate(accept.split(",")[:20]):
        tag, _, weight = one.partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            quality = 0.0
        found.append((quality, -order, tag.strip().partition("-")[0].lower()))
    return found
