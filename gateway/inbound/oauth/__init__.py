"""Access tokens for systems: SMART Backend Services (private_key_jwt), tokens bound to certificates (RFC 8705), the gateway's own keys."""
