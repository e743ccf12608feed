"""The console: pages for people with a role here, rendered on the server, without any content of a record (ARCHITECTURE.md, HTTP)."""

from gateway.console.access import Access
from gateway.console.desk import Candidate, Desk, Emergency, Look, Waiting
from gateway.console.pages import routes

__all__ = ["Access", "Candidate", "Desk", "Emergency", "Look", "Waiting", "routes"]
