"""The stages of the line, one public function each; they do not know each other (DESIGN.md, "The house")."""
