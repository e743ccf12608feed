"""The nouns that travel: frozen, slotted, and without any framework (DESIGN.md, "Nouns")."""
