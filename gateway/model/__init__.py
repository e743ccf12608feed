"""The nouns that travel: frozen, slotted, and without any framework (ARCHITECTURE.md, "Nouns")."""
