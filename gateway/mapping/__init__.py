"""Maps as data: YAML rows compiled to closures over any source, giving FHIR R4 with the origin of every element (mappings/README.md)."""

from gateway.mapping.compile import Compiler
from gateway.mapping.context import MapContext
from gateway.mapping.overlay import compiler
from gateway.mapping.rules import Rules
from gateway.mapping.run import run
from gateway.mapping.source import Node, Source

__all__ = ["Compiler", "MapContext", "Node", "Rules", "Source", "compiler", "run"]
