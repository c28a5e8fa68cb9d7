"""A person's seed, as their phone knows it."""

from storage import second_factor
from storage.cipher import Cipher
from storage.database import Database


def seed_of(database: Database, cipher: Cipher, person: str) -> bytes:
    found = database.read(lambda tx: second_factor.of(tx, cipher, person))
    assert found is not None, f"{person} has no generator"
    return found[0]
