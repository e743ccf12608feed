"""FHIRPath 2.0, compiled; comes with the complete validator (ARCHITECTURE.md, "Map of the folders")."""
