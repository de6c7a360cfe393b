"""What keeps a shop running: its doctor, its backups and its upgrades. Core: it knows servers and files, no feature."""
