"""One-time codes against the figures of RFC 4226 (appendix D) and RFC 6238 (appendix B)."""

from datetime import UTC, datetime, timedelta

import pytest

from storage.totp import address, base32, code_at, counter_at, matching

SEED = b"12345678901234567890"


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_the_codes_of_rfc_4226() -> None:
    codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
    assert [code_at(SEED, counter) for counter in range(10)] == codes


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"), (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)  # fmt: skip
def test_the_codes_of_rfc_6238(seconds: int, code: str) -> None:
    assert code_at(SEED, counter_at(at(seconds)), 8) == code


def test_a_phone_may_be_one_step_off_and_no_more() -> None:
    now = at(1_800_000_000)
    taken = [matching(SEED, code_at(SEED, counter_at(now + timedelta(seconds=30 * off))), now) for off in range(-2, 3)]
    here = counter_at(now)
    assert taken == [None, here - 1, here, here + 1, None]


@pytest.mark.parametrize("typed", ["287 082", " 287082\n", "２８７０８２"])
def test_what_phones_and_keyboards_make_of_it_is_understood(typed: str) -> None:
    assert matching(SEED, typed, at(59)) == 1


@pytest.mark.parametrize("typed", ["", "28708", "2870820", "x", "287O82", "²87082x", "\ud800"])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert matching(SEED, typed, at(59)) is None


def test_what_a_generator_is_told() -> None:
    assert base32(SEED) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    told = address(SEED, "li.na", "Gengfu 示例证券")
    assert told.startswith("otpauth://totp/Gengfu%20")
    assert told.endswith(f"%E8%AF%81%E5%88%B8:li.na?secret={base32(SEED)}&issuer=Gengfu%20%E7%A4%BA%E4%BE%8B%E8%AF%81%E5%88%B8")
