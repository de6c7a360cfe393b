"""What `make bench` calls met, noise and missed."""

import pytest

from tests.bench.results import Result, table


@pytest.mark.parametrize(
    ("measured", "goal", "at_most", "verdict"),
    [
        (1.2, 1.2, True, "met"),
        (1.3, 1.2, True, "within noise"),
        (1.33, 1.2, True, "missed"),
        (0.45, 0.45, False, "met"),
        (0.42, 0.45, False, "within noise"),
        (0.40, 0.45, False, "missed"),
    ],
)
def test_a_goal_is_met_or_missed_by_more_than_noise(measured: float, goal: float, at_most: bool, verdict: str) -> None:
    result = Result("a page", measured, goal, "ms", at_most)
    assert result.verdict == verdict
    assert verdict in table([result]).splitlines()[1]
