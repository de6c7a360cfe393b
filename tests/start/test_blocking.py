"""The detector of blocking calls itself: it has to see a file being read in the loop."""

from __future__ import annotations

import time
from pathlib import Path
from types import ModuleType

import pytest
from blockbuster import BlockingError


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A function of the shop that blocks, for only those of the shop are looked at."""
    import shop

    code = "import time\ndef sleep():\n    time.sleep(0.001)\ndef read(path):\n    with open(path) as file:\n        return file.read()\n"
    module = ModuleType("shop.planted")
    exec(compile(code, str(Path(shop.__file__).parent / "planted.py"), "exec"), module.__dict__)
    return module


async def test_a11_a_blocking_call_of_the_shop_is_found(planted: ModuleType) -> None:
    with pytest.raises(BlockingError, match=r"time\.sleep"):
        planted.sleep()
    with pytest.raises(BlockingError, match=r"io\."):
        planted.read(__file__)


async def test_a_blocking_call_of_a_test_is_its_own_affair() -> None:
    time.sleep(0.001)  # noqa: ASYNC251
