"""Terminology operations as pure functions from what is asked to what is answered, in FHIR JSON (FHIR R4, terminology-service.html)."""
