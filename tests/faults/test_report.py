"""A row tells what broke, what was late and what the machine had no time for; the table of docs/faults.md takes them up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import __main__ as command
from tests.faults.cell import Cell
from tests.faults.inject.people import nothing
from tests.faults.matrix import CELLS
from tests.faults.report import Row, parts, write

CELL = Cell("F-A", "nothing at all", nothing, budget=1, failures=0)


def test_a_row_tells_broken_from_late_and_late_from_a_busy_machine() -> None:
    assert (Row(CELL).verdict, Row(CELL).is_bad) == ("held", False)
    late = Row(CELL, recovery=2, mail=61, late=["/: 4.1 s"])
    told = "well after 2.0 s only; mails later than 60 s; 1 answers late, as /: 4.1 s"
    assert (late.verdict, late.is_bad) == (f"LATE {told}", True)
    late.others = 0.4
    assert (late.verdict, late.is_bad) == (f"LATE {told} (others had 40% of the machine: not counted)", False)
    broken = Row(CELL, broken={"I2": ["charged twice"]}, others=0.9)
    assert (broken.verdict, broken.is_bad) == ("BROKEN I2: 1, as charged twice", True)
    assert Row(CELL, cut=1).verdict == "BROKEN 1 requests cut off"
    assert Row(CELL, left_out="no disk").is_bad is False


def test_a_second_run_of_one_cell_replaces_its_row_and_no_other(tmp_path: Path) -> None:
    page = tmp_path / "faults.md"
    page.write_text("# Before\n\n<!-- table -->\n| F-Z | of another time | 1 |\n")
    other = Cell("F-B", "something", nothing)
    write(page, [Row(CELL, ok=5), Row(other, ok=7)], 1, ["F-A", "F-B"])
    write(page, [Row(CELL, ok=6, broken={"I1": ["a | b"]})], 2, ["F-A", "F-B"])
    text = page.read_text()
    assert text.startswith("# Before\n\n<!-- table -->\n\n1 of 2 cells held; 13 requests; seed 2;")
    rows = [parts(line) for line in text.splitlines() if line.startswith("| F-")]
    assert [(row[0], row[2], row[-1]) for row in rows] == [("F-A", "6", "BROKEN I1: 1, as a / b"), ("F-B", "7", "held")]


def test_each_cell_has_an_id_of_its_own_and_is_listed_with_its_half(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(set(command.ORDER)) == len(command.ORDER) > len(CELLS)
    assert command.main(["--list"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert len(told) == len(command.ORDER)
    assert "short  F-Y3   a notice 25 times to each process, the poller, the buyer" in told
    assert "long   F-P5   PostgreSQL silent for 60 s" in told
