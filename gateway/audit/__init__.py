"""The audit log: rows, views made when read (AuditEvent, disclosures), search, export, and standalone verification."""
