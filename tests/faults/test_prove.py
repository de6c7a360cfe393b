"""The harness of `make prove`, small: a sound shop is found sound, and a planted bug is found."""

from __future__ import annotations

import pytest

from tests.faults import scenes
from tests.faults.prove import Scale, main, prove, status_of
from tests.faults.scenes import Scene
from tests.faults.scratch import scratch_shop

SMALL: dict[Scene, int] = {
    scenes.mixed_baskets: 4,
    scenes.double_click: 3,
    scenes.vanishing: 3,
    scenes.cancelling: 2,
    scenes.couponed: 3,
    scenes.last_window: 3,
    scenes.flash_sale: 3,
}


def test_f_w1_f_n1_f_n4_a_small_crowd_leaves_a_sound_shop_and_a_planted_bug_is_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with scratch_shop() as shop:
        sound = prove(shop, Scale(SMALL, ("committed",), with_tasks=False), seed=1)
        assert {name: what for name, what in sound.items() if what} == {}, capsys.readouterr().out
        told = capsys.readouterr().out
        assert "kill -9: committed" in told
        assert "ordered after the kill 1×" in told
        broken = prove(shop, Scale({scenes.flash_sale: 12}, (), with_tasks=False, webs=1), seed=2, bug="stock-guard")
        assert status_of(broken, "stock-guard") == 1, capsys.readouterr().out
        assert status_of(broken, "checkout-id") == 3
        assert status_of(broken) == 1
        assert status_of(sound) == 0


def test_a_bug_nobody_knows_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stock-gard"]) == 2
    assert "There is no bug called stock-gard; there are" in capsys.readouterr().err
