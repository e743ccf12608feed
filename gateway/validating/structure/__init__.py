"""Structures compiled once into trees of small immutable rules, then run (FHIR R4, StructureDefinition; json.html)."""
