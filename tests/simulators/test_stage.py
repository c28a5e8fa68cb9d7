"""Two stages at once: each has a folder of its own, and a port that is taken says so before anything is touched."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.simulators.core import stage
from tests.simulators.feishu.stage import FeishuScene


def test_a_port_in_use_is_said_and_nothing_is_removed(tmp_path: Path) -> None:
    kept = tmp_path / "gengfu.db"
    kept.write_text("somebody else's")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit, match=f"端口 {port} 用不了.*PORT="), stage.running(FeishuScene("ws"), folder=tmp_path, port=port):
            raise AssertionError("it must not begin")
    assert kept.read_text() == "somebody else's"


@contextmanager
def taken_after_a_free_one() -> Iterator[int]:
    """A port that is taken; the one before it is free, as far as one can know."""
    while True:
        with socket.socket() as taken, socket.socket() as free:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            try:
                free.bind(("127.0.0.1", port - 1))
            except OSError:
                continue
            free.close()
            yield port
            return


def test_of_several_pages_the_one_whose_port_is_taken_is_named(tmp_path: Path) -> None:
    with taken_after_a_free_one() as port:
        scenes = (FeishuScene("ws"), FeishuScene("ws"))
        with pytest.raises(SystemExit, match=f"端口 {port} "), stage.running(*scenes, folder=tmp_path, port=port - 1):
            raise AssertionError("it must not begin")
