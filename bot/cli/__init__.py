"""What the commands do, one module per noun; `bot/__main__.py` loads the one that is asked for."""

import os
from pathlib import Path

from bot.config import Settings, read_settings

GOOD, BAD, USAGE = 0, 1, 2


def settings_of_here() -> Settings:
    """From the environment, and from `.env` of this folder."""
    return read_settings(os.environ, Path(".env") if Path(".env").exists() else None)
