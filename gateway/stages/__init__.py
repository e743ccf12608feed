"""The stages of the line, one public function each; they do not know each other (ARCHITECTURE.md, "The line")."""
