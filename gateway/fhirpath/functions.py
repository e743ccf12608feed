"""Every function by name: the tables of the chapters as one (FHIRPath 2.0, 5 to 7; FHIR R4, fhirpath.html)."""

from __future__ import annotations

from gateway.fhirpath import (
    boundaries,
    combining,
    conversion,
    encodings,
    existence,
    fhir,
    filtering,
    logic,
    mathematics,
    navigation,
    strings,
    subsetting,
    types,
    utility,
)
from gateway.fhirpath.code import Functions

TYPED = types.TYPED
FUNCTIONS: Functions = {
    **existence.FUNCTIONS,
    **filtering.FUNCTIONS,
    **subsetting.FUNCTIONS,
    **combining.FUNCTIONS,
    **conversion.FUNCTIONS,
    **strings.FUNCTIONS,
    **encodings.FUNCTIONS,
    **mathematics.FUNCTIONS,
    **boundaries.FUNCTIONS,
    **navigation.FUNCTIONS,
    **utility.FUNCTIONS,
    **types.FUNCTIONS,
    **logic.FUNCTIONS,
    **fhir.FUNCTIONS,
}
