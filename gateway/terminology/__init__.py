"""Whether a code belongs, with three answers: in, out, cannot say (FHIR R4, Terminology Module; offline)."""
