"""The demo's pictures: one of each product, some of a crateful, and still lifes for the banners; painted on all cores."""

import random
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from zlib import crc32

from PIL import Image

from shop.commands.demo_drawings import drawing
from shop.media.local import LocalStore, write_whole
from shop.media.renditions import Renditions, make_renditions
from shop.settings import HOME

EMOJI = HOME / "node_modules" / "@lobehub" / "fluent-emoji-3d" / "assets"
SIDE = 480
DRAWN = "drawn:"

# A recipe is a kind and the things on the picture: "one 1f34e", "crate 1f34e", "still 1f34e 1f34c 1f347".
Recipe = str


def paint_all(recipes: Iterable[Recipe], folder: Path) -> dict[Recipe, Renditions]:
    """Paints and stores every recipe once; what they became."""
    wanted = sorted(set(recipes))
    with ProcessPoolExecutor(mp_context=get_context("forkserver"), initializer=_warm) as pool:
        painted = pool.map(paint, wanted, [folder] * len(wanted), chunksize=8)
        return dict(zip(wanted, painted, strict=True))


def paint(recipe: Recipe, folder: Path) -> Renditions:
    """Paints one recipe and puts its files into the store below `folder`."""
    kind, *things = recipe.split(" ")
    made = make_renditions(COMPOSITIONS[kind](things, random.Random(crc32(recipe.encode()))))  # noqa: S311
    store = LocalStore(folder)
    for name, data in made.files.items():
        if not store.path(name).exists():
            write_whole(store.path(name), data, durable=False)  # a demo can be painted again
    return made


def has_emoji() -> bool:
    """Whether the set of pictures is installed."""
    return EMOJI.is_dir()


def _warm() -> None:
    Image.init()


def _one(things: list[str], _: random.Random) -> Image.Image:
    canvas = _empty()
    _put(canvas, things[0], 375, SIDE // 2, SIDE // 2, 0)
    return canvas


def _crate(things: list[str], chance: random.Random) -> Image.Image:
    """The same thing many times, the nearer the larger."""
    canvas = _empty()
    for row, (count, size) in enumerate(((3, 135), (4, 155), (3, 180))):
        for place in range(count):
            x = SIDE * (place + 1) // (count + 1) + chance.randint(-15, 15)
            _put(canvas, things[0], size, x, 120 + row * 120 + chance.randint(-9, 9), chance.randint(-24, 24))
    return canvas


def _still(things: list[str], chance: random.Random) -> Image.Image:
    """Different things close together, the first in front."""
    canvas = _empty()
    places = ((240, 290, 262), (112, 200, 190), (368, 195, 190), (240, 116, 168), (90, 360, 158), (390, 360, 158))
    for thing, (x, y, size) in reversed(list(zip(things, places, strict=False))):
        _put(canvas, thing, size, x, y, chance.randint(-12, 12))
    return canvas


COMPOSITIONS = {"one": _one, "crate": _crate, "still": _still}


def _put(canvas: Image.Image, thing: str, size: int, x: int, y: int, turned: int) -> None:
    picture = _thing(thing).resize((size, size), Image.Resampling.BICUBIC)
    if turned:
        picture = picture.rotate(turned, Image.Resampling.BICUBIC, expand=True)
    canvas.alpha_composite(picture, (max(0, x - picture.width // 2), max(0, y - picture.height // 2)))


@lru_cache(16)
def _thing(name: str) -> Image.Image:
    if name.startswith(DRAWN):
        return drawing(name.removeprefix(DRAWN))
    path = EMOJI / f"{name}.webp"
    return Image.open(path).convert("RGBA") if path.exists() else drawing(name)


def _empty() -> Image.Image:
    return Image.new("RGBA", (SIDE, SIDE))
