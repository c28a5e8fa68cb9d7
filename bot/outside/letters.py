"""An approved text as a mail: a letter to each address, whose decoded body is to the byte what was approved."""

from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import partial

from bot.outside.handing import DOUBT, TAKEN, Places
from bot.platforms.core.contract import Rejected, TryLater, Unsure
from bot.platforms.mail import Post
from handlers.core.wording import Words
from workflows.publication import Piece, PublicationKind

#: The longest title that a Subject shows.
SUBJECT = 200


class Letters:
    """One letter for each address: recipients do not see each other, and what becomes of one is its own matter."""

    def __init__(self, post: Post, words: Words, now: Callable[[], datetime]) -> None:
        self._post = post
        self._words = words
        self._now = now

    def message_id(self, piece: Piece) -> str:
        """The same for every address and every attempt: what the mail server's log is asked for."""
        return self._post.message_id(piece.key)

    def hand_over(self, piece: Piece, address: str, places: Places) -> None:
        """Unless it was; until what came of it is kept. TryLater: it did not arrive."""
        if not places.open(address):
            return
        try:
            self._post.hand_in_once(self.written(piece, address), address, partial(places.begin, address))
        except Unsure:
            places.end(address, DOUBT)
        except Rejected as error:
            places.end(address, str(error))
        except TryLater:
            if address in places.known:
                places.end(address, "")
            raise
        else:
            places.end(address, TAKEN)

    def written(self, piece: Piece, address: str) -> EmailMessage:
        letter = EmailMessage()
        head = "" if piece.kind is PublicationKind.STATEMENT else self._words.say(f"outlet.subject.{piece.kind}")
        letter["Subject"] = " ".join(f"{head} {piece.title}".split())[:SUBJECT]
        letter["From"], letter["To"] = self._post.sender, address
        letter["Date"] = format_datetime(self._now())
        letter["Message-ID"] = self.message_id(piece)
        letter["Auto-Submitted"] = "auto-generated"  # no notes of absence come back
        letter["X-Gengfu-Sha256"] = piece.sha256
        # Base64 keeps every byte: line ends, blanks at the end of a line, a last line without an end.
        letter.set_content(piece.text, "text", "plain", cte="base64", params={"charset": "utf-8"})
        return letter
