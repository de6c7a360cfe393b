"""What breaks the shop on purpose, and asks afterwards whether its promises held.

Two ways in: `python -m tests.faults` (the matrix: one fault after another while people shop; docs/faults.md) and
`python -m tests.faults.prove` (one crowd at once, in which a planted bug has to be found). Both stand on the same modules:

- scratch.py, program.py, launch.py: a whole shop on servers of its own, and its processes, started again as systemd does it;
- web.py, bugs.py, kills.py: its web process, with the sandbox bank, and with a bug or a death planted into it;
- fair.py, shopper.py, crowd.py, scenes.py: what is sold there, who shops, and what they do;
- journal.py, oracle.py: what they were told, and what must hold of it;
- cell.py, matrix.py, machines.py, inject/: the faults; report.py: what came of them;
- smoke.py: another release sells on the schema of this one.
"""
