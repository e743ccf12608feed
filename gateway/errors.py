"""Every way the gateway says no, as one tree; each class knows its answer in FHIR, HTTP and HL7 v2.

    GatewayError
    ├── Unusable                 what came in cannot be read or must not be read
    │   ├── Malformed            the bytes break their own standard
    │   ├── Unsupported          sound, but a standard, type or charset we do not take
    │   ├── Unsound              the header or root lacks what an exchange cannot do without
    │   ├── Invalid              readable, but the content breaks the rules of its standard or profile
    │   └── TooLarge             over a stated limit
    ├── Refused                  who asks, or what is asked, is not agreed
    │   ├── UnknownCaller        nobody we know, or proof missing or wrong
    │   ├── NotAllowed           known, but not for this
    │   │   ├── OutOfScope       not with the scopes of this token
    │   │   └── TooYoung         not at this age
    │   ├── NotAgreed            no agreement names this trigger for this sender
    │   ├── Unanswerable         a question with a parameter or form we do not answer
    │   │   └── NotAcceptable    in a format that we do not write
    │   ├── NotFound             there is no such thing, or not for you: the same answer
    │   ├── TooCostly            more is kept than one answer can be made of
    │   ├── Gone                 a page link that does not hold any more, or never did
    │   └── Conflict             it contradicts what is already kept
    │       └── Outdated         it is made for another version than the one that is kept
    ├── Unavailable              right now it cannot be done; nothing was kept, try again
    │   ├── NotDurable           the store did not take it
    │   └── Busy                 the queue is full
    ├── Elsewhere                a server that holds part of a record gave no usable answer; nothing is answered from the rest
    │   ├── Away                 it cannot be reached
    │   └── Late                 not within the time it has
    ├── Undeliverable            an outgoing delivery did not succeed
    │   ├── TryLater             surely not processed there; will be tried again
    │   ├── GiveUp               the recipient will never take it
    │   └── InDoubt              it may or may not have arrived
    ├── Misconfigured            a site, map, policy or package is broken (names file and line)
    └── Defect                   our own fault

`issue` is a code of http://hl7.org/fhir/issue-type, `status` an HTTP status (RFC 9110), `ack` an HL7 table 0008 code (AE: error,
AR: reject) and `condition` an HL7 table 0357 code. Texts are constant or name positions; they never hold values of a record.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar


class GatewayError(Exception):
    """`text` is for the caller to read; `positions` say where (`PID-3.1`, `Patient.name[0]`), never what."""

    issue: ClassVar[str] = "exception"
    status: ClassVar[int] = 500
    ack: ClassVar[str] = "AE"
    condition: ClassVar[str] = "207"
    said: ClassVar[str] = "The request could not be processed."

    def __init__(self, text: str | None = None, *positions: str, texts: tuple[str, ...] = ()) -> None:
        self.text = text or self.said
        self.positions = positions
        self.texts = texts  # where each position has a text of its own, in their order
        super().__init__(self.text)

    def __reduce__(self) -> tuple[Any, ...]:
        """Between processes: the text, the positions and their texts."""
        return _again, (type(self), self.text, self.positions, self.texts)

    def told(self) -> tuple[tuple[str, str], ...]:
        """1..* (position, text); the position is empty where none is named."""
        places = self.positions or ("",)
        return tuple(
            zip(places, self.texts if len(self.texts) == len(places) else (self.text,) * len(places), strict=True)
        )


def _again(kind: type[GatewayError], text: str, positions: tuple[str, ...], texts: tuple[str, ...]) -> GatewayError:
    return kind(text, *positions, texts=texts)


class Unusable(GatewayError):
    """What came in cannot be read, or must not be."""

    issue, status, ack, condition = "structure", 400, "AR", "100"
    said = "The document cannot be read."


class Malformed(Unusable):
    """The bytes break their own standard: not JSON, no MSH, wrong framing, wrong characters."""


class Unsupported(Unusable):
    """Sound, but a standard, version, type or character set that this gateway does not take."""

    issue, status, condition = "not-supported", 415, "200"
    said = "This kind of document is not supported."


class Unsound(Unusable):
    """MSH or the root lacks what an exchange cannot do without (ARCHITECTURE.md, promise 13)."""

    issue, status, condition = "required", 422, "101"
    said = "The header of the message is not sound."


class Invalid(Unusable):
    """Readable, but its content breaks the rules of its standard or profile."""

    issue, status, ack, condition = "invalid", 422, "AE", "102"
    said = "The content breaks the rules of its standard."


class TooLarge(Unusable):
    """Over a stated limit of size, depth or number."""

    issue, status = "too-long", 413
    said = "The document is over a limit of this gateway."


class Refused(GatewayError):
    """Who asks, or what is asked, is not agreed."""

    issue, status, ack, condition = "forbidden", 403, "AR", "207"
    said = "This exchange is not agreed."


class UnknownCaller(Refused):
    """Nobody we know, or the proof is missing or wrong: one wording for all of it."""

    issue, status = "login", 401
    said = "The caller could not be identified."


class NotAllowed(Refused):
    """A known caller that may not do this."""

    said = "This caller may not do that."


class TooYoung(NotAllowed):
    """Somebody younger than those who consent themselves, by the ages of the site's policies."""

    said = "Somebody of this age does not decide alone about sharing; a parent or guardian does."


class OutOfScope(NotAllowed):
    """A caller whose token does not hold the scope that this needs."""


class NotAgreed(Refused):
    """No agreement names this trigger for this sender."""

    issue, status, condition = "business-rule", 422, "201"
    said = "No agreement covers this message from this sender."


class Unanswerable(Refused):
    """A question with a parameter, modifier or form that we do not answer; never ignored."""

    issue, status = "not-supported", 400
    said = "The question has a part that is not answered here."


class NotAcceptable(Unanswerable):
    """An answer is wanted in a format that is not written here (RFC 9110, 15.5.7)."""

    status = 406
    said = "What is answered here is FHIR in JSON."


class NotFound(Refused):
    """There is no such thing, or not for this caller: the same words, so that the answer tells nothing."""

    issue, status = "not-found", 404
    said = "There is no such record for this caller."


class TooCostly(Refused):
    """More is kept of the person or thing asked about than one answer can be made of."""

    issue, status = "too-costly", 422
    said = "More is kept of this than can be answered from."


class Gone(Refused):
    """A page link that does not hold: somebody else's, too old, made up, or given before a consent changed; one wording for all of it."""

    issue, status = "expired", 410
    said = "This link does not hold any more; please ask again."


class Conflict(Refused):
    """It contradicts what is already kept."""

    issue, status, ack, condition = "conflict", 409, "AE", "205"
    said = "The request contradicts what is already kept."


class Outdated(Conflict):
    """A write for a version (If-Match) that is not the one on record."""

    status = 412
    said = "The version that the request names is not the one on record."


class Unavailable(GatewayError):
    """Not now; nothing was kept and nothing left. The sender's retry makes the entry."""

    issue, status = "transient", 503
    said = "Not possible at the moment; nothing was kept. Please send again."


class NotDurable(Unavailable):
    """The store did not take it."""

    issue = "no-store"


class Busy(Unavailable):
    """The queue is full."""

    issue = "throttled"


class Elsewhere(GatewayError):
    """A server that holds part of a record gave no usable answer: an error, too much, what cannot be read, or is about somebody else."""

    issue, status = "transient", 502
    said = "A server that holds part of the record gave no usable answer; nothing is answered from a part of it."


class Away(Elsewhere):
    """It cannot be reached."""

    status = 503


class Late(Elsewhere):
    """It did not answer within the time it has."""

    issue, status = "timeout", 504


class Undeliverable(GatewayError):
    """An outgoing delivery did not succeed."""

    issue, status = "transient", 502
    said = "The delivery did not succeed."


class TryLater(Undeliverable):
    """Surely not processed there: refused connection, 429, 503. Tried again with back-off."""


class GiveUp(Undeliverable):
    """The recipient will never take it: other 4xx, a refusal in its acknowledgement."""

    issue = "processing"


class InDoubt(Undeliverable):
    """Sent, and no answer: it may have arrived. Tried again only where the interaction is idempotent."""


class Misconfigured(GatewayError):
    """A site, map, policy or package is broken; the text names file and line."""

    issue = "invariant"
    said = "The configuration is broken."


class Defect(GatewayError):
    """Our own fault; the text is constant, the cause is in the log by position only."""


OFF_RECORD = (
    UnknownCaller, Unusable, Unanswerable, Unavailable, Defect,
)  # fmt: skip
"""What a door itself says no with, or could not keep: counted and summed up, not on record one by one."""


def joint_status(errors: Collection[GatewayError], taken: int) -> int:
    """The HTTP status of an answer about several documents: `errors` of those that are not on record, `taken` how many are.

    0 when all went well; 503 when one may be sent again, because then the whole may (a second copy has no second effect); 207 for some of
    each (RFC 4918, 11.1); else what all were refused with, 422 when they were refused with different ones.
    """
    if not errors:
        return 0
    if any(isinstance(error, Unavailable) for error in errors):
        return Unavailable.status
    if taken:
        return 207
    found = {error.status for error in errors}
    return found.pop() if len(found) == 1 else Invalid.status
