"""Production: nginx in front, systemd around."""
