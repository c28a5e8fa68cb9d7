"""`gengfu serve` and `demo`: the server."""

import argparse
import asyncio
import errno
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn

from bot.app import create_app
from bot.bootstrap import build
from bot.cli import BAD, GOOD, settings_of_here
from bot.cli.schema import migrated
from bot.config import Settings, demo_settings
from bot.headless_scenarios import FIRST_SCENARIO
from bot.logs import log_uncaught, setup
from bot.web.bell import Bell
from workflows.core.errors import BadConfig


def demo(given: argparse.Namespace) -> int:
    if given.headless:
        from bot.headless import play  # a server does not load the stage

        setup("ERROR", sys.stderr)
        return play(given.scenario or FIRST_SCENARIO, print)
    if given.scenario:
        raise BadConfig("a scenario is played in the terminal: gengfu demo --headless --scenario NAME")
    settings = demo_settings(Path(), os.environ, Path(".env") if Path(".env").exists() else None)
    with _listening(settings.host, settings.port) as door:
        migrated(settings)
        greeting = f"更夫 Gengfu · demo: {settings.public_url}/console   (Ctrl-C stops it; a second run keeps the data; "
        return _run(settings, "WARNING", door, f"{greeting}make demo-reset forgets it)")


def serve(given: argparse.Namespace) -> int:
    settings = settings_of_here()
    with _listening(settings.host, settings.port) as door:
        return _run(settings, "INFO", door)


def _listening(host: str, port: int) -> socket.socket:
    """The door, open before anything else is touched: when the port is taken nothing has happened yet."""
    try:
        family, kind, _, _, address = min(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), key=lambda found: found[0])
    except OSError:
        raise BadConfig(f"GENGFU_HOST is {host!r}, which this machine cannot find; give an address of its own, like 127.0.0.1") from None
    door = socket.socket(family, kind)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        door.listen(2048)
    except OSError as error:
        door.close()
        if error.errno == errno.EADDRINUSE:
            raise BadConfig(f"port {port} on {host} is in use; stop what listens there, or set GENGFU_PORT to another port") from None
        raise BadConfig(f"cannot listen on {host} port {port} ({error.strerror}); change GENGFU_HOST or GENGFU_PORT") from None
    return door


class _Server(uvicorn.Server):
    """Stops at the first signal, open event streams included, and does not raise the signal again: being stopped is no failure."""

    def __init__(self, config: uvicorn.Config, bell: Bell) -> None:
        super().__init__(config)
        self._bell = bell

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._bell.close()
        await super().shutdown(sockets)


def _run(settings: Settings, level: str, door: socket.socket, greeting: str = "") -> int:
    setup(level, sys.stderr)
    log_uncaught()
    parts = build(settings)
    if greeting:
        print(greeting, flush=True)
    config = uvicorn.Config(
        create_app(parts),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    server = _Server(config, parts.pages)
    asyncio.run(server.serve([door]))
    return GOOD if server.started else BAD
