"""Maps the other way: the rows that make FHIR of a document make the document of FHIR (mappings/README.md, "The way back")."""

from gateway.mapping.back.element import Element
from gateway.mapping.back.place import Draft, Place
from gateway.mapping.back.placing import Layout
from gateway.mapping.back.run import Returned, run_back

__all__ = ["Draft", "Element", "Layout", "Place", "Returned", "run_back"]
