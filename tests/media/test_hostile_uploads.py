"""Forty files and more that want to be something else: refused with a reason, or reduced to their pixels."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import resource
from typing import Any

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient
from PIL import Image, ImageCms

from shop.db import Database
from shop.keys import MEDIA
from shop.media.decoding import Decoder
from shop.media.errors import PictureRefused, Refusal
from shop.media.service import Media, Quota
from shop.media.words import REASONS, STATUSES
from tests.media.conftest import FORM, PATH, picture_bytes, send
from tests.media.hostile_files import PHP, SCRIPT, gif, image, png, refused, taken, zeros

Studio = TestClient[Any, Any]
NAMES = (
    "../../../../etc/cron.d/x",
    "..\\..\\x.aspx",
    "a.php.jpg",
    ".htaccess",
    "x" * 300 + ".png",
    "x%00.png",
    "<svg onload=alert(1)>.png",
    "苹果.png",
    "CON",
    "/absolute.png",
)


def children_of_ours() -> int:
    """How many processes we have started and not buried."""
    with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as listed:
        return len(listed.read().split())


async def test_s49_s50_s51_every_hostile_file_is_refused_with_its_reason(studio: Studio, db: Database) -> None:
    corpus = list(refused())
    assert len(corpus) >= 40
    before = await asyncio.to_thread(children_of_ours)
    for what, made, reason in corpus:
        status, told = await send(studio, made())
        if reason is not None:
            assert (what, status, told) == (what, STATUSES.get(reason, 400), {"error": REASONS[reason]})
        else:
            assert 400 <= status < 500, (what, status, told)
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM media_files") == 0
        assert await conn.fetch_value("SELECT count(*) FROM outbox") == 0
    assert await asyncio.to_thread(children_of_ours) == before
    assert (await send(studio, picture_bytes()))[0] == 200


async def test_s49_of_a_polyglot_only_the_pixels_are_kept(studio: Studio) -> None:
    for what, made in taken():
        status, told = await send(studio, made(), name="a.php.png")
        assert status == 200, (what, told)
        answer = await studio.get(f"/media/{told['fingerprint']}.webp")
        kept = await answer.read()
        assert (answer.content_type, kept[:4], kept[8:12]) == ("image/webp", b"RIFF", b"WEBP"), what
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        for leftover in (SCRIPT, PHP, b"PK\x03\x04", b"alert(1)"):
            assert leftover not in kept, what
        with Image.open(io.BytesIO(kept)) as picture:
            assert getattr(picture, "n_frames", 1) == 1


async def test_s51_a_bomb_ends_its_own_process_and_nothing_else(studio: Studio) -> None:
    bomb = png(
        5000, 5000, zeros(5000 * 20_001), depth=16, colour=6
    )  # two hundred megabytes of pixels, within the limit
    slow = Decoder(seconds=0.05)
    with pytest.raises(PictureRefused) as told:
        await slow.picture(bomb)
    assert told.value.reason is Refusal.TOO_MUCH_WORK
    uploading = asyncio.create_task(send(studio, bomb))
    answered = 0
    while not uploading.done():
        assert (await studio.get("/healthz")).status == 200
        answered += not uploading.done()
        await asyncio.sleep(0.02)
    assert answered > 0
    status, _ = await uploading
    assert status in (200, 400)
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


async def test_s51_the_child_is_confined_before_it_looks() -> None:
    program = (
        "import resource; from shop.media import encoder; encoder.confine(); "
        "print(*(resource.getrlimit(getattr(resource, 'RLIMIT_' + n))[1] for n in 'AS CPU FSIZE CORE NOFILE NPROC'.split()))"
    )
    child = await asyncio.create_subprocess_exec(
        os.sys.executable,
        "-c",
        program,
        stdout=asyncio.subprocess.PIPE,  # type: ignore[attr-defined]
    )
    written, _ = await child.communicate()
    assert written.decode().split() == [str(1 << 30), "5", "0", "0", "16", "0"]


async def test_s51_who_leaves_takes_the_child_along() -> None:
    decoder = Decoder()
    before = await asyncio.to_thread(children_of_ours)
    bomb = png(5000, 5000, zeros(5000 * 20_001), depth=16, colour=6)
    work = asyncio.create_task(decoder.picture(bomb))
    for _ in range(600):
        if await asyncio.to_thread(children_of_ours) > before or work.done():
            break
        await asyncio.sleep(0.02)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert await asyncio.to_thread(children_of_ours) == before
    assert (await decoder.picture(picture_bytes())).width == 64  # its place was given back


async def test_s52_nothing_a_camera_wrote_is_left(studio: Studio) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8825)[2] = (31.0, 14.0, 0.0)  # where it was taken
    out = io.BytesIO()
    sideways = Image.new("RGB", (60, 30), "#ffffff")
    sideways.paste("#000000", (0, 0, 30, 30))
    xmp = b"<x:xmpmeta>lin@example.com</x:xmpmeta>"
    sideways.save(out, "JPEG", exif=exif, quality=95, comment=b"lin", xmp=xmp)
    status, told = await send(studio, out.getvalue())
    assert (status, told["width"], told["height"]) == (200, 30, 60)
    kept = await (await studio.get(f"/media/{told['fingerprint']}.webp")).read()
    with Image.open(io.BytesIO(kept)) as picture:
        assert dict(picture.getexif()) == {}
        assert not {"exif", "icc_profile", "xmp", "comment"} & set(picture.info)
        upright = picture.convert("L")
        assert upright.getpixel((15, 10)) < 40  # the dark half is on top now
        assert upright.getpixel((15, 50)) > 215
    for leftover in (b"Camera", b"EXIF", b"lin@example.com"):
        assert leftover not in kept


async def test_a_colour_profile_is_applied_and_then_gone() -> None:
    """Red in a profile whose red is green: what the person saw is what is kept."""
    out = io.BytesIO()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = lab.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
    Image.new("RGB", (40, 40), (255, 0, 0)).save(out, "PNG", icc_profile=swapped)
    made = await Decoder().picture(out.getvalue())
    with Image.open(io.BytesIO(made.data)) as picture:
        red, green, _ = picture.convert("RGB").getpixel((20, 20))  # type: ignore[misc]
        assert green > 200 > 100 > red
        assert "icc_profile" not in picture.info


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "I;16", "1"])
async def test_every_way_of_writing_colours_is_read(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    made = await Decoder().picture(image(kind, (50, 40), mode))
    assert (made.width, made.height) == (50, 40)


async def test_a_large_picture_is_made_smaller_and_a_long_gif_is_one_picture() -> None:
    large = await Decoder().picture(picture_bytes((4000, 1000), "JPEG"))
    assert (large.width, large.height) == (2560, 640)
    assert (await Decoder().picture(gif(20, 10, 500))).width == 20


async def test_s53_a_name_means_nothing(studio: Studio, db: Database) -> None:
    told = {str(await send(studio, picture_bytes(), name=name)) for name in NAMES}
    assert len(told) == 1
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM media_files") == 1


async def test_s53_ten_megabytes_and_not_a_byte_more_is_even_read(studio: Studio) -> None:
    form = FormData()
    form.add_field("file", io.BytesIO(b"\xff\xd8\xff" + bytes(11 << 20)), filename="a.jpg")
    try:
        answer = await studio.post(PATH, data=form)
    except OSError:  # we had not read the answer when the connection was closed on us
        return
    assert answer.status == 413


async def test_s53_too_many_files_or_odd_forms_are_refused(studio: Studio) -> None:
    many = FormData()
    for n in range(11):
        many.add_field("file", b"x", filename=str(n))
    assert (await studio.post(PATH, data=many)).status == 400
    assert (await studio.post(PATH, data={"file": "x"})).status == 415
    for body in (b"", b"--x\r\n", b"--x\r\n\r\nabc", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n"):
        answer = await studio.post(PATH, data=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert answer.status in (400, 413), body
    encoded = FormData()
    encoded.add_field("file", "aGk=", filename="a", content_type="image/png")
    parts = encoded()
    parts._parts[0][0].headers["Content-Transfer-Encoding"] = "base64"  # type: ignore[attr-defined]
    assert (await studio.post(PATH, data=parts)).status == 400


async def test_s53_a_person_and_a_shop_have_their_quota(studio: Studio, db: Database) -> None:
    assert studio.app is not None
    media = studio.app[MEDIA]
    size = (await send(studio, picture_bytes()))[0] and await room_taken(db)

    async def with_quota(quota: Quota, person: str) -> int:
        object.__setattr__(media, "quota", quota)
        colour = "#" + hashlib.sha256(f"{quota}{person}".encode()).hexdigest()[:6]
        return (await send(studio, picture_bytes(colour=colour), headers={"X-Person": person}))[0]

    assert isinstance(media, Media)
    assert await with_quota(Quota(person=size, shop=1 << 30), "lin") == 429
    assert await with_quota(Quota(person=size, shop=1 << 30), "tom") == 200
    assert await with_quota(Quota(person=1 << 30, shop=size), "mei") == 507
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM media_files") == 2


async def room_taken(db: Database) -> int:
    async with db.read() as conn:
        return int(await conn.fetch_value("SELECT sum(size) FROM media_files"))


async def test_s53_a_full_disk_is_a_page_of_its_own(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"total": 1000, "used": 901, "free": 99})
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    status, told = await send(studio, picture_bytes(colour="#fedcba"), lang="/zh")
    assert (status, told) == (507, {"error": "存放图片的空间已经用完，请通知商店的维护人员。"})
    form = FormData()
    form.add_field("file", picture_bytes(colour="#fedcba"), filename="a.png")
    answer = await studio.post(FORM, data=form)
    assert (answer.status, answer.headers["Cache-Control"]) == (507, "no-store")
    assert "There is no room left" in await answer.text()
