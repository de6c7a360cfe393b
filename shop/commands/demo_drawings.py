"""Pictures the shop draws by itself: goods the emoji set does not know, and everything when the set is not installed."""

from collections.abc import Callable
from zlib import crc32

from PIL import Image, ImageDraw

SIDE = 512
SMOOTH = 2  # drawn larger by so much, then made smaller: smooth edges
Draw = ImageDraw.ImageDraw
Colour = str


def drawing(name: str) -> Image.Image:
    """A picture of that name on nothing, 512 pixels square; an unknown name gets a fruit of its own colour."""
    canvas = Image.new("RGBA", (SIDE * SMOOTH, SIDE * SMOOTH))
    draw = ImageDraw.Draw(canvas)
    if shape := SHAPES.get(name) or SHAPES.get(_group_of(name)):
        shape(draw)
    else:
        _fruit(draw, FRUIT[crc32(name.encode()) % len(FRUIT)])
    return canvas.reduce(SMOOTH)


FRUIT: tuple[tuple[Colour, Colour], ...] = (
    ("#d94f3d", "#ee7b66"),
    ("#e8912d", "#f6b765"),
    ("#7da838", "#a4ca62"),
    ("#8a5aa8", "#ae86c8"),
    ("#d9b13b", "#f0d06c"),
)


# Emoji by what stands in for them; all others are a fruit.
GROUPS = {
    "fish": "1f990 1f41f 1f980 1f99e 1f9aa 1f991 1f419 1f41a 1f363 1f364",
    "leaf": "1f96c 1f966 1f955 1f954 1f360 1f952 1f346 1f33d 1fad1 1f336-fe0f 1f9c4 1fada 1fadb 1f951 1fad8 1f33e 1f375",
    "brisket": "1f969 1f953 1f356 1f416 1f413 1f357 1f411 1f986 1f983",
    "duck-eggs": "1f95a 1f36e 1f373",
    "yoghurt": "1f95b 1f9c8 1f9c0 1f368 1f366 1f367 2615",
    "tofu": "1f9ca 1f9c2 1f36b",
    "buns": "1f95f 1f361 1f96e 1f35a 1f370",
    "toast": "1f35e 1f956 1f950 1f96f 1f968 1f36a 1f355",
    "bottle": "1fad2 1f36f 1f9c3 1f96b 1f35c 1f35d 1f95c 1f330",
}


def _group_of(name: str) -> str:
    return next((group for group, names in GROUPS.items() if name in names.split()), "")


def _fruit(draw: Draw, colours: tuple[Colour, Colour]) -> None:
    body, light = colours
    draw.ellipse((160, 250, 864, 940), fill=body)
    draw.ellipse((250, 330, 560, 620), fill=light)
    draw.rounded_rectangle((492, 120, 532, 320), 20, fill="#7a5230")
    draw.pieslice((520, 60, 820, 300), 120, 300, fill="#5f9b41")


def _fish(draw: Draw) -> None:
    draw.polygon([(640, 512), (920, 330), (900, 520), (920, 700)], fill="#5f97b8")
    draw.ellipse((110, 300, 760, 730), fill="#79b0d8")
    draw.pieslice((300, 420, 620, 900), 180, 300, fill="#5f97b8")
    draw.ellipse((220, 430, 290, 500), fill="#ffffff")
    draw.ellipse((240, 450, 276, 486), fill="#22313c")


def _leaf(draw: Draw) -> None:
    for x, y, colour in ((150, 330, "#4f9146"), (470, 330, "#6bb05a"), (310, 160, "#8cc66f")):
        draw.ellipse((x, y, x + 400, y + 480), fill=colour)
    draw.rounded_rectangle((440, 620, 584, 940), 60, fill="#e8f2d8")
    draw.line([(512, 300), (512, 900)], fill="#d3e6bd", width=20)


def _mushroom(draw: Draw) -> None:
    draw.rounded_rectangle((400, 480, 624, 920), 110, fill="#ecdcc4")
    draw.pieslice((120, 160, 904, 900), 180, 360, fill="#8a5a3c")
    draw.rounded_rectangle((120, 500, 904, 580), 40, fill="#6f452c")
    for x, y, r in ((330, 330, 42), (520, 260, 52), (690, 380, 36)):
        draw.ellipse((x - r, y - r, x + r, y + r), fill="#b98763")


def _fillet(draw: Draw) -> None:
    draw.polygon([(110, 640), (300, 300), (900, 380), (930, 560), (760, 780), (200, 800)], fill="#f4845f")
    for x in range(240, 860, 120):
        draw.line([(x, 360), (x - 60, 560), (x, 760)], fill="#fbb59b", width=22, joint="curve")
    draw.line([(110, 640), (200, 800), (760, 780), (930, 560)], fill="#9aa7b4", width=26, joint="curve")


def _hairtail(draw: Draw) -> None:
    for top in (200, 440, 680):
        draw.rounded_rectangle((160, top, 864, top + 180), 60, fill="#b8c4d2")
        draw.rounded_rectangle((190, top + 20, 834, top + 70), 24, fill="#e6edf4")
        draw.ellipse((780, top + 20, 900, top + 160), fill="#f0d9d2")


def _brisket(draw: Draw) -> None:
    for x, y in ((170, 250), (520, 210), (330, 540), (650, 560)):
        draw.rounded_rectangle((x, y, x + 280, y + 260), 40, fill="#a8423c")
        draw.rounded_rectangle((x + 20, y + 90, x + 260, y + 130), 20, fill="#f2dcd2")
        draw.rounded_rectangle((x + 20, y + 180, x + 260, y + 206), 12, fill="#f2dcd2")


def _bacon(draw: Draw) -> None:
    for top in (230, 430, 630):
        wave = [(120 + step * 98, top + (40 if step % 2 else 0)) for step in range(9)]
        draw.line(wave, fill="#b5473c", width=150, joint="curve")
        draw.line([(x, y - 20) for x, y in wave], fill="#f3cfb8", width=40, joint="curve")


def _duck_eggs(draw: Draw) -> None:
    draw.ellipse((140, 260, 560, 840), fill="#cfe3df")
    draw.ellipse((470, 300, 900, 860), fill="#dcebe8")
    draw.ellipse((530, 400, 840, 780), fill="#fbf6ea")
    draw.ellipse((590, 480, 790, 700), fill="#e8742c")


def _yoghurt(draw: Draw) -> None:
    draw.polygon([(260, 300), (764, 300), (700, 900), (324, 900)], fill="#f6f2ea")
    draw.polygon([(284, 520), (740, 520), (716, 740), (308, 740)], fill="#79b0d8")
    draw.ellipse((230, 210, 794, 390), fill="#ffffff", outline="#d9d2c4", width=14)
    draw.ellipse((430, 250, 600, 350), fill="#8a5aa8")


def _tofu(draw: Draw) -> None:
    draw.polygon([(140, 420), (520, 250), (890, 420), (510, 600)], fill="#fffdf6")
    draw.polygon([(140, 420), (510, 600), (510, 860), (140, 680)], fill="#efe7d6")
    draw.polygon([(890, 420), (510, 600), (510, 860), (890, 680)], fill="#e2d8c3")
    draw.line([(325, 510), (325, 770)], fill="#d7ccb6", width=10)


def _toast(draw: Draw) -> None:
    draw.rounded_rectangle((180, 220, 844, 880), 130, fill="#b9763a")
    draw.rounded_rectangle((220, 260, 804, 840), 110, fill="#f8e3b8")
    for x, y in ((360, 420), (600, 380), (480, 600), (670, 640), (340, 700)):
        draw.ellipse((x, y, x + 40, y + 30), fill="#eccf97")


def _buns(draw: Draw) -> None:
    for x, y in ((120, 430), (460, 430), (290, 200)):
        draw.pieslice((x, y, x + 440, y + 520), 180, 360, fill="#fffaf0", outline="#e3d8c4", width=10)
        draw.rounded_rectangle((x, y + 240, x + 440, y + 330), 44, fill="#f4ead8")
    draw.rounded_rectangle((90, 760, 934, 880), 40, fill="#b98a52")


def _bottle(draw: Draw) -> None:
    draw.rounded_rectangle((440, 90, 584, 220), 26, fill="#c8372d")
    draw.rounded_rectangle((462, 190, 562, 400), 30, fill="#4a2a1c")
    draw.rounded_rectangle((330, 350, 694, 930), 90, fill="#3a1f14")
    draw.rounded_rectangle((360, 520, 664, 790), 24, fill="#f3e2bf")
    draw.ellipse((450, 590, 574, 714), fill="#c8372d")


SHAPES: dict[str, Callable[[Draw], None]] = {
    "bacon": _bacon,
    "bottle": _bottle,
    "brisket": _brisket,
    "buns": _buns,
    "duck-eggs": _duck_eggs,
    "fillet": _fillet,
    "fish": _fish,
    "hairtail": _hairtail,
    "leaf": _leaf,
    "mushroom": _mushroom,
    "toast": _toast,
    "tofu": _tofu,
    "yoghurt": _yoghurt,
}
