"""FHIRPath 2.0, compiled; comes with the complete validator (DESIGN.md, "Code and data")."""
