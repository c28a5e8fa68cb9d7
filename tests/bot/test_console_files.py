"""Sending a file on the console and fetching it: limits, kinds, origin, and who may see it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from storage import files
from tests.browser.live import Live, Person, on_watch

PNG = b"\x89PNG\r\n\x1a\n" + bytes(1000)
BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with on_watch(tmp_path_factory.mktemp("files")) as running:
        yield running


def send(live: Live, person: str, content: bytes, name: str = "截图.png", **headers: str) -> httpx.Response:
    given = {"X-Gengfu-As": person, **BYTES, **headers}
    return httpx.post(f"{live.url}/console/files", params={"name": name}, content=content, headers=given, timeout=30)


def fetch(live: Live, person: str, file: str) -> httpx.Response:
    return httpx.get(f"{live.url}/console/files/{file}", params={"as": person}, timeout=30)


def post(live: Live, person: Person, chat: str, text: str, ids: list[str], event: str) -> dict[str, Any]:
    body = {"id": event, "kind": "text", "chat": chat, "text": text, "files": ids}
    answer = httpx.post(f"{live.url}/console/rooms/{chat}/messages", json=body, headers={"X-Gengfu-As": person.id}, timeout=30)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def test_a_file_is_sent_named_by_a_message_and_fetched_by_who_may_see_it(live: Live) -> None:
    sent = send(live, "ma.chao", PNG)
    assert (sent.status_code, sent.json()["name"], sent.json()["size"]) == (201, "截图.png", len(PNG))
    file = sent.json()["id"]
    assert fetch(live, "ma.chao", file).content == PNG
    assert fetch(live, "li.na", file).status_code == 404, "not evidence of anything yet"
    with Person(live.url, "li.na") as li, Person(live.url, "ma.chao") as ma:
        assert li.says("/事件 上报 类型=系统故障 行情中断")["error"] is None
        found = post(live, ma, ma.direct, "/附件 T1 柜台", [file], "event-files-1")
        assert found["error"] is None, found
        assert found["text"].startswith("T1 已附:截图.png")
        shown = [message["files"] for message in ma.messages() if message["files"]]
        assert shown == [[{"id": file, "name": "截图.png", "size": len(PNG)}]]
    answer = fetch(live, "li.na", file)
    assert answer.content == PNG
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("content", "name", "status", "error"),
    [
        (b"", "a.png", 422, "file.empty"),
        (PNG + bytes(files.LARGEST), "a.png", 413, "console.file_large"),
        (PNG, "a.exe", 422, "file.kind"),
        (b"<html>", "a.png", 422, "file.kind"),
    ],
    ids=["empty", "too large", "kind", "content"],
)
def test_what_cannot_be_attached_is_refused_with_a_sentence(live: Live, content: bytes, name: str, status: int, error: str) -> None:
    answer = send(live, "li.na", content, name)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["text"]


def test_only_our_own_page_sends_and_only_known_people_fetch(live: Live) -> None:
    assert send(live, "li.na", PNG, Origin="https://elsewhere.example").status_code == 403
    assert send(live, "li.na", PNG, **{"Content-Type": "text/plain"}).status_code == 415
    assert send(live, "nobody", PNG).status_code == 403
    file = send(live, "li.na", PNG).json()["id"]
    assert fetch(live, "nobody", file).status_code == 403
    assert fetch(live, "li.na", "0" * 16).status_code == 404


def test_a_message_cannot_name_what_another_person_sent(live: Live) -> None:
    file = send(live, "li.na", PNG + b"other").json()["id"]
    body = {"id": "event-files-9", "kind": "text", "chat": "dm:ma.chao", "text": "/附件 T1", "files": [file]}
    with Person(live.url, "ma.chao"):
        answer = httpx.post(f"{live.url}/console/rooms/dm:ma.chao/messages", json=body, headers={"X-Gengfu-As": "ma.chao"}, timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (404, "file.not_found")
