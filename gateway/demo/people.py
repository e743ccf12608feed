"""The people of the demo. All are invented: their names say so, and their resident numbers fail the check digit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

_FILE = Path(__file__).resolve().parent / "people.yaml"
_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
_MEN, _WOMEN = {19: "1", 20: "3"}, {19: "2", 20: "4"}  # seventh digit by century of birth


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented. `number` is the hospital's own; names are (family, given) in 한글 and in Latin letters."""

    id: str
    number: str
    korean: tuple[str, str]
    english: tuple[str, str]
    birth: date
    sex: str
    street: str
    phone: str

    @property
    def resident_number(self) -> str:
        """13 digits in the form of a resident registration number, with a check digit that is surely wrong."""
        century = (_MEN if self.sex == "M" else _WOMEN)[self.birth.year // 100]
        start = f"{self.birth:%y%m%d}{century}00000"
        right = (11 - sum(int(d) * w for d, w in zip(start, _WEIGHTS, strict=True)) % 11) % 10
        return f"{start}{(right + 1) % 10}"

    @property
    def shown(self) -> str:
        """Both names, for reading."""
        return f"{''.join(self.korean)} ({self.english[1]} {self.english[0]})"


@cache
def people() -> Mapping[str, Person]:
    """Everybody, by id."""
    import yaml

    rows = yaml.safe_load(_FILE.read_text("utf-8"))["people"]
    return {row["id"]: _person(row) for row in rows}


def _person(row: Mapping[str, str]) -> Person:
    korean, english = row["korean"].split(), row["english"].split()
    return Person(
        row["id"], row["number"], (korean[0], korean[1]), (english[0], english[1]), date.fromisoformat(row["birth"]),
        row["sex"], row["street"], row["phone"],
    )  # fmt: skip
