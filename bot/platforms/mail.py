"""Mail as a platform: it can say something to a person, and nothing else. A rung of the ladder, and a road around a dead messenger."""

import asyncio
import re
import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256

from bot.platforms.core.budget import Budget, Limit
from bot.platforms.core.contract import (
    Answer,
    Can,
    Deed,
    Done,
    Hear,
    NotAuthentic,
    PlatformDown,
    Rejected,
    Send,
    Shelf,
    TryLater,
    Unsure,
    WillNeverWork,
)
from handlers.core.message import Message, Outgoing, Reply

TIMEOUT = 15.0
#: How long a server may think about a text before it says whether it takes it (virus scanners do): inside the lease of an outbox row.
THINKS = 60.0
#: Per person: mail is for what matters when nothing else works, not for every card.
PER_PERSON = 30
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where mail is handed in. `tls`: from the first byte; otherwise STARTTLS where the server offers it."""

    host: str
    port: int
    tls: bool
    user: str
    password: str
    sender: str


class Mail:
    name = "mail"
    can = Can()

    def __init__(self, box: Mailbox, shelf: Shelf, subject: str, now: Callable[[], datetime]) -> None:
        self._post = Post(box, subject, now)
        self._budget = Budget(shelf, now)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Message | Answer:
        raise NotAuthentic("mail_is_not_read")

    def answer(self, reply: Reply) -> Answer:
        return Answer(b"{}")

    async def do(self, deed: Deed, key: str) -> Done:
        if not isinstance(deed, Send) or "@" not in deed.person:
            raise WillNeverWork(f"mail cannot {type(deed).__name__.lower()} to {'a chat' if not isinstance(deed, Send) else 'no address'}")
        await self._budget.take([Limit(f"person:{sha256(deed.person.encode()).hexdigest()[:16]}", PER_PERSON, HOUR)])
        return Done({"chat": "", "message_id": await self._post.send(deed.message, deed.person, key)})

    async def listen(self, hear: Hear) -> None:
        return

    async def close(self) -> None:
        return


class Post:
    """The mail server. `subject`: what heads every letter (the product's name). Raises as a deed does."""

    def __init__(self, box: Mailbox, subject: str, now: Callable[[], datetime]) -> None:
        self._box = box
        self._subject = subject
        self._now = now

    async def send(self, message: Outgoing, to: str, key: str) -> str:
        """Its Message-ID."""
        letter = self.written(message, to, key)
        await asyncio.to_thread(self._hand_in, letter)
        return str(letter["Message-ID"])

    def hand_in_once(self, letter: EmailMessage, to: str, begun: Callable[[], None]) -> None:
        """For what must not arrive twice. `begun` is told when the server has agreed to take the text and has nothing of it yet: what fails
        until then, or by the server's own word, did not arrive (RFC 5321, 4.2.5). Unsure: the rest, of which only the server knows."""
        if not to.isascii():
            raise Rejected("the address has signs that mail servers do not understand")
        text = re.sub(rb"(?m)^\.", b"..", letter.as_bytes(policy=policy.SMTP))
        with self._told_apart(), closing(self._connected()) as server:
            _expect(server.mail(self._box.sender), 250)
            code, said = server.rcpt(to)
            if code not in (250, 251):
                raise smtplib.SMTPRecipientsRefused({to: (code, said)})
            _expect(server.docmd("DATA"), 354)
            begun()
            try:
                if server.sock:
                    server.sock.settimeout(THINKS)
                server.send(text + b".\r\n")
                answer = server.getreply()
            except (smtplib.SMTPException, OSError) as error:
                raise Unsure(0.0, f"the mail server did not say whether it took the text ({type(error).__name__})") from None
            _expect(answer, 250)
            with suppress(smtplib.SMTPException, OSError):
                server.quit()

    async def knock(self) -> bool:
        """Connect and log in, and send nothing; answers whether TLS protects it."""
        return await asyncio.to_thread(self._knock)

    @property
    def sender(self) -> str:
        return self._box.sender

    def message_id(self, key: str) -> str:
        return f"<{sha256(key.encode()).hexdigest()[:40]}@{self._box.sender.partition('@')[2]}>"

    def written(self, message: Outgoing, to: str, key: str) -> EmailMessage:
        """Plain text. The same key has the same Message-ID, by which many mail servers drop a repeat."""
        mail = EmailMessage()
        title = message.card.title if message.card else message.text.split("\n")[0]
        mail["Subject"] = " ".join(f"[{self._subject}] {title}".split())[:200]
        mail["From"], mail["To"] = self._box.sender, to
        mail["Date"] = format_datetime(self._now())
        mail["Message-ID"] = self.message_id(key)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text + "\n")
        return mail

    def _knock(self) -> bool:
        with self._told_apart(), self._connected() as server:
            server.noop()
            return isinstance(server.sock, ssl.SSLSocket)

    def _hand_in(self, message: EmailMessage) -> None:
        with self._told_apart(), self._connected() as server:
            server.send_message(message)

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        """What went wrong, by what the sender must do."""
        try:
            yield
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = next(iter(refused.recipients.values()))
            raise _refusal(code, text, "the address is refused") from None
        except smtplib.SMTPAuthenticationError:
            raise PlatformDown(300.0, "the mail server refuses user or password in SMTP_URL") from None
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, error.smtp_error, "the mail server refuses the message") from None
        except (smtplib.SMTPException, OSError) as error:
            raise PlatformDown(10.0, f"no mail server at {self._box.host}:{self._box.port} ({type(error).__name__})") from None

    def _connected(self) -> smtplib.SMTP:
        box, trusted = self._box, ssl.create_default_context()
        if box.tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(box.host, box.port, timeout=TIMEOUT, context=trusted)
        else:
            server = smtplib.SMTP(box.host, box.port, timeout=TIMEOUT)
        try:
            self._greet(server, trusted)
        except BaseException:
            server.close()
            raise
        return server

    def _greet(self, server: smtplib.SMTP, trusted: ssl.SSLContext) -> None:
        server.ehlo()
        if not self._box.tls and server.has_extn("starttls"):
            server.starttls(context=trusted)
            server.ehlo()
        if self._box.user:
            server.login(self._box.user, self._box.password)


def _expect(answer: tuple[int, bytes], wanted: int) -> None:
    if answer[0] != wanted:
        raise smtplib.SMTPResponseException(*answer)


def _refusal(code: int, text: bytes | str, what: str) -> Exception:
    """4xx is a matter of time, 5xx is final (RFC 5321, 4.2.1)."""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return TryLater(60.0, f"{what} for now ({code})") if 400 <= code < 500 else Rejected(f"{what} ({code}: {said[:200]})")
