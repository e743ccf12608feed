"""Attachments: a stated size is the size of the data (FHIR R4, Attachment.size)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.validating.structure.finding import NONE, Findings, error
from gateway.validating.structure.primitives import is_base64
from gateway.validating.structure.scope import Scope


@dataclass(frozen=True, slots=True)
class SizeRule:
    """`size` counts the bytes of `data` before it is base64."""

    def check(self, node: Any, _scope: Scope) -> Findings:
        """0..1 finding."""
        data, size = node.get("data"), node.get("size")
        if not isinstance(data, str) or type(size) is not int or not is_base64(data):
            return NONE
        bytes_ = decoded_size(data)
        if bytes_ == size:
            return NONE
        text = "The stated size is not the size of the data."
        return error("structure", "attachment-size", text, expected=str(bytes_), found=size)


def decoded_size(data: str) -> int:
    """The number of bytes that base64 text stands for."""
    packed = "".join(data.split())
    return len(packed) // 4 * 3 - (len(packed) - len(packed.rstrip("=")))
