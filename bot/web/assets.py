"""Our own scripts, styles and pictures, read once: what is not in the folder at start does not exist."""

from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class Assets:
    def __init__(self, folder: Path) -> None:
        files = [file for file in folder.iterdir() if file.suffix in _TYPES]
        self._files = {file.name: (file.read_bytes(), _TYPES[file.suffix]) for file in files}

    def answer(self, name: str, request: Request) -> Response:
        """The file, or 304 to a browser that has it."""
        if name not in self._files:
            return Response(status_code=404)
        content, kind = self._files[name]
        headers = {"ETag": f'"{sha256(content).hexdigest()[:24]}"', "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)
