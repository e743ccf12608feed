"""What FHIR R4 says, as facts: element trees, value sets, code systems, search parameters; read only when asked for."""
