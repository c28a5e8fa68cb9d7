from email.message import Message as Part
from email.parser import BytesParser
from email.policy import HTTP

from tests.simulators.core.faults import Request


def parts(request: Request) -> dict[str, tuple[str, bytes]] | None:
    """A multipart body: name -> (file name, content); None where it is another kind of body."""
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        return None
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    whole = BytesParser(policy=HTTP).parsebytes(head + request.body)
    found: dict[str, tuple[str, bytes]] = {}
    inner = whole.get_payload() if whole.is_multipart() else []
    for part in inner if isinstance(inner, list) else []:
        assert isinstance(part, Part)
        name = str(part.get_param("name", "", "content-disposition"))
        content = part.get_payload(decode=True)
        found[name] = (part.get_filename() or "", content if isinstance(content, bytes) else b"")
    return found
