"""AES-256-GCM with named keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.cipher import CannotDecrypt, Cipher

OLD, NEW = ("k1", b"1" * 32), ("密钥2", b"2" * 32)
CIPHER = Cipher((NEW, OLD))


@given(st.binary(max_size=300), st.text(max_size=40))
def test_what_was_encrypted_is_read_again(plain: bytes, context: str) -> None:
    envelope = CIPHER.encrypt(plain, context)
    assert CIPHER.decrypt(envelope, context) == plain
    assert len(plain) < 4 or plain not in envelope
    assert CIPHER.encrypt(plain, context) != envelope, "a nonce is used once"


@given(st.binary(max_size=60), st.data())
def test_any_changed_bit_is_noticed(plain: bytes, data: st.DataObject) -> None:
    envelope = bytearray(CIPHER.encrypt(plain, "inbox:1"))
    bit = data.draw(st.integers(0, len(envelope) * 8 - 1))
    envelope[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CannotDecrypt):
        CIPHER.decrypt(bytes(envelope), "inbox:1")


@given(st.binary(max_size=60), st.integers(0, 100))
def test_a_cut_envelope_is_noticed(plain: bytes, length: int) -> None:
    envelope = CIPHER.encrypt(plain, "inbox:1")
    with pytest.raises(CannotDecrypt):
        CIPHER.decrypt(envelope[: min(length, len(envelope) - 1)], "inbox:1")


@given(st.binary(max_size=80))
def test_rubbish_is_refused(rubbish: bytes) -> None:
    with pytest.raises(CannotDecrypt):
        CIPHER.decrypt(rubbish, "inbox:1")


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_value_opens_only_in_its_own_place(here: str, there: str) -> None:
    envelope = CIPHER.encrypt(b"x", here)
    if here != there:
        with pytest.raises(CannotDecrypt):
            CIPHER.decrypt(envelope, there)


def test_old_values_stay_readable_after_the_key_was_replaced() -> None:
    envelope = Cipher((OLD,)).encrypt(b"x", "c")
    assert CIPHER.decrypt(envelope, "c") == b"x"
    assert not CIPHER.current(envelope)
    assert CIPHER.current(CIPHER.encrypt(b"x", "c"))


def test_a_missing_key_is_named() -> None:
    with pytest.raises(CannotDecrypt, match=r"k1.*GENGFU_DATA_KEYS"):
        Cipher((NEW,)).decrypt(Cipher((OLD,)).encrypt(b"x", "c"), "c")


def test_the_right_id_with_the_wrong_key_opens_nothing() -> None:
    with pytest.raises(CannotDecrypt):
        Cipher((("k1", b"3" * 32),)).decrypt(Cipher((OLD,)).encrypt(b"x", "c"), "c")


@pytest.mark.parametrize("keys", [(), (("k", b"short"),), (OLD, ("k1", b"2" * 32)), (("", b"1" * 32),), (("k" * 256, b"1" * 32),)])
def test_bad_keys_are_refused_at_once(keys: tuple[tuple[str, bytes], ...]) -> None:
    with pytest.raises(ValueError, match="key"):
        Cipher(keys)


def test_keys_do_not_print() -> None:
    assert repr(Cipher((("k1", b"secretsecretsecretsecretsecretse"),))) == "Cipher(k1)"
