"""Layer: domain. Comparing a property's value with a filter's: the same, above or below, a word of it.

Numbers compare as numbers, times as instants, text as text in any case. Text is a number where the
other is one and it is written as JSON writes numbers: "5" is 5, and "00123" is a text. A time also
compares with a whole number, as epoch milliseconds.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from domain.language.values import as_text, read_instant

Scalar: TypeAlias = str | int | float | bool

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_JSON_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,300})(\.[0-9]{1,300})?")  # No more digits than a float holds.
_MILLISECONDS: Final = re.compile(r"-?[0-9]{1,17}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_LENGTH: Final = len("2026-01-31")
# Han, kana, Thai, Lao, Burmese and Khmer are written without blanks between words: a word may end beside any of them.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_JOINERS: Final = "\u200c\u200d"


def same(element: Scalar, wanted: Scalar) -> bool:
    """Whether two scalars are the same value."""
    if isinstance(element, bool) or isinstance(wanted, bool):
        return as_text(element).strip().lower() == as_text(wanted).strip().lower()
    if isinstance(element, str) and isinstance(wanted, str) and folded(element) == folded(wanted):
        return True
    return _order_of_kinds(element, wanted) == 0


def order(element: Scalar, wanted: Scalar) -> int | None:
    """Compare two scalars: -1, 0 or 1; None where they do not compare, such as a time and text that is none."""
    if isinstance(element, bool) or isinstance(wanted, bool):
        return None
    found = _order_of_kinds(element, wanted)
    if found is not None or not (isinstance(element, str) and isinstance(wanted, str)):
        return found
    if len(element) > _DATE_LENGTH and _as_instant(element) is not None:
        return None
    left, right = folded(element), folded(wanted)
    return (left > right) - (left < right)


def has_token(element: Scalar, wanted: Scalar) -> bool:
    """Whether words of the text are these, in any case; `*` stands for any characters at an end."""
    text, token = folded(as_text(element)), folded(as_text(wanted)).strip()
    bare = token.strip("*")
    if not bare:
        return bool(token)
    is_open = token.startswith("*"), token.endswith("*")
    at = text.find(bare)
    while at >= 0:
        if (is_open[0] or _is_boundary(text, at)) and (is_open[1] or _is_boundary(text, at + len(bare))):
            return True
        at = text.find(bare, at + 1)
    return False


def folded(text: str) -> str:
    """Write text so that what differs in case or in composing characters alone is the same."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def read_epoch(v: Scalar) -> datetime | None:
    """Read a whole number, as text or not, as epoch milliseconds; None where it is none.

    Eight digits are none: nobody can tell whether they are meant as a date.
    """
    if isinstance(v, bool) or (isinstance(v, float) and not v.is_integer()):
        return None
    digits = v if isinstance(v, str) else str(int(v))
    if not _MILLISECONDS.fullmatch(digits) or len(digits) == len("20260131"):
        return None
    try:
        return _EPOCH + timedelta(milliseconds=int(digits))
    except OverflowError:
        return None


def _order_of_kinds(element: Scalar, wanted: Scalar) -> int | None:
    """Compare two numbers or two times; None where they are not both the one or the other."""
    if not (isinstance(element, str) and isinstance(wanted, str)):
        left, right = _as_number(element), _as_number(wanted)
        if left is not None and right is not None:
            return (left > right) - (left < right)
    at, wanted_at = _as_instant(element), _as_instant(wanted)
    if at is None and wanted_at is None:
        return None
    at = read_epoch(element) if at is None else at
    wanted_at = read_epoch(wanted) if wanted_at is None else wanted_at
    if at is None or wanted_at is None:
        return None
    return (at > wanted_at) - (at < wanted_at)


def _as_number(v: Scalar) -> int | float | None:
    if not isinstance(v, str):
        return v
    if not _JSON_NUMBER.fullmatch(v):
        return None
    return float(v) if "." in v else int(v)


def _as_instant(v: Scalar) -> datetime | None:
    if not isinstance(v, str) or not _DATE.match(v):
        return None
    try:
        return read_instant(v)
    except ValueError:
        return None


def _is_boundary(text: str, at: int) -> bool:
    """Whether a word may begin or end here."""
    if at in (0, len(text)):
        return True
    before, after = text[at - 1], text[at]
    if not (_is_of_a_word(before) and _is_of_a_word(after)):
        return True
    return not _is_mark(after) and bool(_UNSPACED.match(before) or _UNSPACED.match(after))


def _is_of_a_word(character: str) -> bool:
    """Letters, digits, marks on them, and what joins them; what is left is punctuation, symbols and blanks."""
    return (
        unicodedata.category(character)[0] in "LMN" or unicodedata.category(character) == "Pc" or character in _JOINERS
    )


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M" or character in _JOINERS
