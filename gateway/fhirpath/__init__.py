"""FHIRPath 2.0 with the additions of FHIR R4, compiled to closures; one file per chapter, one table of functions (functions.py)."""

from gateway.fhirpath.compiler import Compiler
from gateway.fhirpath.environment import Environment, Purse
from gateway.fhirpath.expression import Expression
from gateway.fhirpath.failures import NotCompiled, NotEvaluated
from gateway.fhirpath.model import Child, Model
from gateway.fhirpath.node import Node
from gateway.fhirpath.quantity import Quantity, Units
from gateway.fhirpath.times import Date, DateTime, Time

__all__ = [
    "Child",
    "Compiler",
    "Date",
    "DateTime",
    "Environment",
    "Expression",
    "Model",
    "Node",
    "NotCompiled",
    "NotEvaluated",
    "Purse",
    "Quantity",
    "Time",
    "Units",
]
