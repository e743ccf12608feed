"""Why a membership could not be told, or what is to be said about a code beside it; constant sentences for findings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gateway.terminology.codes import Codes, Membership


class Reason(Enum):
    """The value is an English sentence without any value of a record."""

    NONE = ""
    NO_VALUE_SET = "The value set is not at hand, so the code could not be checked."
    NO_SYSTEM = "The code system is not at hand, so the code could not be checked."
    PART_OF_SYSTEM = "Only a part of the code system is at hand, and the code is not in it."
    NO_FILTER = "The value set selects codes by a filter that cannot be applied to what is at hand."
    OTHER_VERSION = "The version that is asked for is not at hand; the code was looked up in another one."
    CIRCULAR = "The value set includes itself, or nests too deeply."
    TOO_LARGE = "The value set is too large to be expanded here."
    FORM_ONLY = "Only the form of the code could be checked."
    NOT_IN_SYSTEM = "The code is not in its code system."
    NOT_IN_SET = "The code is not in the value set."
    OTHER_SYSTEM = "The value set has no codes of this code system."
    ABSTRACT = "The code stands for a group of codes and is not to be chosen itself."
    INACTIVE = "The code is no longer in use."


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was missing while a value set was expanded: `address` is the value set or code system it is about."""

    reason: Reason
    address: str


@dataclass(frozen=True, slots=True)
class Expanded:
    """A value set as far as it could be expanded, with 0..* gaps."""

    codes: Codes
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer with its reason. `address` is what is missing or differs (a canonical), empty when nothing is.

    A member may have a reason as well: ABSTRACT or INACTIVE.
    """

    membership: Membership
    reason: Reason = Reason.NONE
    address: str = ""
