"""Where deliveries go out: transports behind one port (gateway.model.ports.Transport)."""
