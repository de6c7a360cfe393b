"""Every recorded conversation with real servers, 5.11 to 6.16.1: the same bytes out, the same values in, the same end of the connection."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from shop.media.fastdfs import protocol, tokens
from shop.media.fastdfs.errors import LinkLost
from shop.media.fastdfs.file_ids import FileId, checked_extension
from shop.media.fastdfs.link import Link
from shop.media.fastdfs.lists import read_groups, read_storages
from shop.media.fastdfs.protocol import CARRYING, Command, Request, Server

VECTORS = Path(__file__).parent / "vectors"
CONVERSATIONS = sorted(
    path.stem for path in VECTORS.glob("*__*.json") if "cases" in json.loads(path.read_text("utf-8"))
)
# The requests a careful client never sends; that it cannot be made to is shown below.
MALFORMED = {
    "bad_extension", "bad_name", "bad_path_index", "size_field_mismatch", "slave_without_prefix", "set_bad_flag",
    "set_overlong_overwrite", "tracker_active_test_with_body", "storage_active_test_with_body", "tracker_unknown_command",
    "storage_unknown_command", "named_group_body_too_short", "any_group_with_body", "name_too_short", "name_too_long",
}  # fmt: skip
FIXED = {11: 15, 23: 15}
Case = dict[str, Any]


def cases(name: str) -> list[Case]:
    found: list[Case] = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))["cases"]
    return found


def bytes_of(message: Case) -> bytes:
    if "hex" in message:
        return bytes.fromhex(message["hex"])
    tail = bytes(range(251)) * (message["tail"]["length"] // 251 + 1)
    return bytes.fromhex(message["hex_head"]) + tail[: message["tail"]["length"]]


def turns(case: Case) -> Iterator[tuple[bytes, bytes]]:
    """What the client said and what came back until it spoke again."""
    said, heard = b"", b""
    for message in case["exchange"]:
        if message["dir"] == "client_to_server":
            if said:
                yield said, heard
            said, heard = bytes_of(message), b""
        else:
            heard += bytes_of(message)
    yield said, heard


def request_of(said: bytes) -> Request:
    length, command, flags = struct.unpack_from(">QBB", said)
    body = said[10:]
    assert len(body) == length
    if command not in CARRYING:
        return Request(command, body, flags=flags, limit=1 << 20)
    at = fixed_part(command, body)
    return Request(command, body[:at], body[at:], flags, limit=1 << 20)


def fixed_part(command: int, body: bytes) -> int:
    if command in FIXED:
        return FIXED[command]
    (name,) = struct.unpack_from(">q", body)
    return int(name) + {21: 38, 24: 16, 34: 24}[command]


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_the_same_bytes_go_out_and_the_connection_ends_the_same_way(name: str) -> None:
    script: list[tuple[bytes, bytes]] = []
    heard: list[bytes] = []
    players: set[asyncio.Task[None]] = set()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        players.add(cast(asyncio.Task[None], asyncio.current_task()))
        try:
            for said, answer in list(script):
                heard.append(await reader.readexactly(len(said)))
                writer.write(answer)
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(play, "127.0.0.1", 0, limit=1 << 22)
    address = Server("127.0.0.1", server.sockets[0].getsockname()[1])
    for case in cases(name):
        if "pipelined" in case["name"]:
            continue  # ours never does: test_nobody_pipelines
        script[:] = turns(case)
        heard.clear()
        link = await Link.open(address)
        await converse(link, case, script)
        assert heard == [said for said, _ in script[: len(heard)]], case["name"]
        link.abort()
    server.close()
    await asyncio.wait(players, timeout=30)


async def converse(link: Link, case: Case, script: list[tuple[bytes, bytes]]) -> None:
    for said, answer in script:
        request, now = request_of(said), asyncio.get_running_loop().time()
        if len(answer) < 10:  # silence, half a header, or goodbye
            with pytest.raises(LinkLost):
                await link.ask(request, now + 0.05)
            assert not link.is_usable
            return
        if answer[0] & 0x80:
            with pytest.raises(LinkLost):
                await link.ask(request, now + 5)
            return
        status, body = await link.ask(request, now + 5)
        assert (status, body) == (answer[9], answer[10:]), case["name"]
        if status:
            assert link.is_usable == (status == 2 and not request.carries_content)
        if not link.is_usable:
            return
    assert link.is_usable <= (case["connection_after"] == "open"), case["name"]


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_our_requests_are_theirs(name: str) -> None:
    for case in cases(name):
        for said, _ in turns(case):
            if "pipelined" in case["name"]:
                continue
            request = request_of(said)
            try:
                ours = rebuilt(request)
            except ValueError:
                assert case["name"] in MALFORMED, case["name"]
                continue
            if case["name"] not in MALFORMED:
                assert ours.head + ours.content == said, case["name"]


def rebuilt(r: Request) -> Request:
    """The same request, made by the functions that the client uses."""
    body, command = r.body, Command(r.command)
    match command:
        case Command.UPLOAD | Command.UPLOAD_APPENDER:
            ending = checked_extension(body[9:15].rstrip(b"\0").decode())
            return protocol.upload(body[0], ending, r.content, command)
        case Command.UPLOAD_SLAVE:
            prefix, extension = body[16:32].rstrip(b"\0").decode(), body[32:38].rstrip(b"\0").decode()
            return protocol.upload_slave(FileId.parse(f"group1/{body[38:].decode()}"), prefix, extension, r.content)
        case Command.DOWNLOAD:
            return protocol.download(file_of(body[16:]), *struct.unpack_from(">qq", body), limit=1)
        case Command.SET_METADATA:
            name = struct.unpack_from(">q", body)[0]
            items = dict(item.split(b"\2") for item in body[33 + name :].split(b"\1") if item)  # type: ignore[misc]
            told = {key.decode(): value.decode() for key, value in items.items()}
            return protocol.set_metadata(file_of(body[17 : 33 + name]), told, merge=body[16:17] == b"M")
        case Command.DELETE | Command.GET_METADATA | Command.FILE_INFO:
            return protocol.about(command, file_of(body), flags=r.flags)
        case Command.APPEND:
            return protocol.append(FileId.parse(f"group1/{body[16:].decode()}"), r.content)
        case Command.MODIFY:
            return protocol.modify(
                FileId.parse(f"group1/{body[24:].decode()}"), struct.unpack_from(">q", body, 8)[0], r.content
            )
        case Command.TRUNCATE:
            file = FileId.parse(f"group1/{body[16:].decode()}")
            return protocol.truncate(file, struct.unpack_from(">q", body, 8)[0])
        case Command.REGENERATE_NAME:
            return protocol.regenerate_name(FileId.parse(f"group1/{body.decode()}"))
        case Command.FETCH | Command.UPDATE | Command.FETCH_ALL:
            return Request(command, file_of(body).wire)
    return r


def file_of(wire: bytes) -> FileId:
    return FileId.parse(f"{wire[:16].rstrip(bytes(1)).decode()}/{wire[16:].decode()}")


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_their_replies_are_understood(name: str) -> None:
    for case in cases(name):
        if case.get("decoded") is not None:
            *_, (said, answer) = turns(case)
            understood(said[8], answer[10:], case["decoded"])


def understood(command: int, body: bytes, told: Case) -> None:
    match command:
        case 101 | 104:
            place = protocol.read_place(body)
            assert (place.group, place.server, place.path) == (told["group"], server_of(told), told["store_path_index"])
        case 102 | 103:
            assert protocol.read_source(body) == server_of(told)
        case 105:
            assert protocol.read_sources(body) == [server_of(one) for one in told["servers"]]
        case 106 | 107:
            places = protocol.read_places(body)
            assert [place.server for place in places] == [server_of(one) for one in told["servers"]]
        case 11 | 21 | 23 | 38:
            assert str(protocol.read_file_id(body)) == told["file_id"]
        case 14:
            assert len(body) == told["content_length"]
            assert body.hex() == told.get("content_hex", body.hex())
        case 15:
            assert sorted(protocol.read_metadata(body).items()) == [tuple(item) for item in told["items"]]
        case 22:
            info = protocol.read_file_info(body)
            assert (info.size, info.created_at, f"{info.crc32:08x}", info.source) == (
                told["size"], told["timestamp"], told["crc32_hex"], told["source_ip"],
            )  # fmt: skip
        case 90 | 91:
            groups = [(g.name, g.total_mb, g.free_mb, g.storages, g.storage_port, g.active) for g in read_groups(body)]
            assert groups == [
                (g["group_name"], g["total_mb"], g["free_mb"], g["storage_count"], g["storage_port"], active_in(g))
                for g in told["groups"]
            ]
        case 92:
            assert [storage.port for storage in read_storages(body)] == [s["storage_port"] for s in told["storages"]]
            assert [storage.host for storage in read_storages(body)] == [s["ip_addr"] for s in told["storages"]]
            assert [storage.version for storage in read_storages(body)] == [s["version"] for s in told["storages"]]
        case _:
            raise AssertionError(command)


def active_in(group: Case) -> int:
    return int(group["active_count"] if "active_count" in group else group["writable_server_count"])


def server_of(told: Case) -> Server:
    return Server(told["ip"], told["port"])


def test_every_file_id_is_read() -> None:
    for path in VECTORS.glob("*__file-ids.json"):
        for told in json.loads(path.read_text("utf-8"))["file_ids"]:
            file = FileId.parse(told["file_id"])
            assert (file.group, file.name, str(file)) == (told["group"], told["remote_filename"], told["file_id"])
            fields = file.fields
            assert (fields.source, fields.created_at, fields.is_appender, fields.is_trunk) == (
                str(told["source"]), told["timestamp"], told["is_appender"], told["is_trunk"],
            )  # fmt: skip
            assert f"{fields.crc32:08x}" == told["crc32_field_hex"]
            assert fields.is_slave == (told["kind"] == "slave")
            if fields.is_appender or fields.is_slave:
                assert fields.size is file.size is None
            else:
                assert fields.size == file.size == told["size"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "group1",
        "group1/",
        "group1/M00/00/00/a",
        "group1/M00/00/00/" + "a" * 118,
        "group1/M00/00/00/" + "a" * 33 + "\n",
        "group1/M00/00/00/" + "a" * 33 + "\0",
        "group1/M00/00/00/" + "é" * 34,
        "group1/m00/00/00/" + "a" * 34,
        "group1/M00/00/00/../../../etc/passwd.jpg",
        "g" * 17 + "/M00/00/00/" + "a" * 34,
        "gr\0up/M00/00/00/" + "a" * 34,
    ],
)
def test_what_no_cluster_gave_out_never_goes_into_a_request(text: str) -> None:
    with pytest.raises(ValueError, match="no file id"):
        FileId.parse(text)


def test_anti_steal_tokens_are_those_of_the_real_library() -> None:
    for told in json.loads((VECTORS / "anti-steal-tokens.json").read_text("utf-8"))["tokens"]:
        name, secret, at = told["remote_filename"], told["secret_key"], told["ts"]
        if at == 0:
            with pytest.raises(ValueError, match="never expire"):
                tokens.token(name, secret, at)
            continue
        assert tokens.token(name, secret, at) == told["token"]
        assert tokens.signed_path(FileId.parse(f"group1/{name}"), secret, at) == told["url_tail"]
