"""The commands of run.py, one file each with `HELP`, `add_arguments` and `main`."""
