"""Search (FHIR R4, search.html): parameters are tokenised, known or refused, and run over what was released, never over what is kept."""

from gateway.searching.ask import everything_of, search_of
from gateway.searching.naming import Named, named_by
from gateway.searching.select import select
from gateway.searching.shown import shown_of
from gateway.searching.values import Terms

__all__ = ["Named", "Terms", "everything_of", "named_by", "search_of", "select", "shown_of"]
