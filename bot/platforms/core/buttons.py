"""What a button carries over a platform and back: a command line and the version it was drawn from."""

from handlers.core.message import Button

KEY_BYTES = 128


def key_of(button: Button, *, asks: int = 0) -> str:
    """What a button carries: `version|command`, with `?` before it when its form is still to be asked for (`??`: that of the card's
    second button with this command line, and so on)."""
    key = f"{'?' * asks}{'' if button.version is None else button.version}|{button.command}"
    if len(key.encode()) > KEY_BYTES:
        raise ValueError(f"the key of {button.label!r} has more than {KEY_BYTES} bytes")
    return key


def pressed(key: str) -> tuple[int | None, str, int] | None:
    """(version, command line, which of its forms is still to be asked for) of a button's key `version|command`; None: we never drew it."""
    version, sign, command = key.lstrip("?").partition("|")
    if not sign or not command.startswith("/") or not (version == "" or (version.isascii() and version.isdigit() and len(version) < 10)):
        return None
    return (int(version) if version else None), command, len(key) - len(key.lstrip("?"))
