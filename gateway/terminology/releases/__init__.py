"""Releases of large code systems that a site has a licence for, made into one file and read from there; none is shipped."""

from __future__ import annotations

from gateway.terminology.releases.loinc import load_loinc
from gateway.terminology.releases.snomed import load_snomed
from gateway.terminology.releases.stored import Stored, open_release

__all__ = ["Stored", "load_loinc", "load_snomed", "open_release"]
