"""Text as the speech engine may have it: nothing that it could take for a command."""

from __future__ import annotations

import unicodedata

from talking_heads.errors import UserError

MAX_CHARACTERS = 10_000
"""The longest text that is spoken, about ten minutes."""

# Markup and programmers' signs that the engine would read out or stumble over.
_DROPPED = frozenset("<>[]{}|\\^~_*#`=")
_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "…": "...", "–": "-", "—": ", "})

_SPELLINGS = {
    "ß": "ss",
    "æ": "ae",
    "Æ": "Ae",
    "œ": "oe",
    "Œ": "Oe",
    "ø": "o",
    "Ø": "O",
    "đ": "d",
    "Đ": "D",
    "ð": "th",
    "Ð": "Th",
    "þ": "th",
    "Þ": "Th",
    "ł": "l",
    "Ł": "L",
    "ı": "i",
    "£": " pounds ",
    "€": " euros ",
}


def spoken_text(text: str) -> str:
    """Return the text as it is given to the engine: printable, on one line, no markup signs.

    Parameters
    ----------
    text : str
        Anything.

    Returns
    -------
    str
        Control characters (among them the engine's own commands), brackets and the like became
        spaces; typographic quotes and dashes, ligatures, full-width letters and the digits of
        other scripts became plain ones.

    Raises
    ------
    UserError
        If nothing is left to say, it is too long, or written in a script that an English voice
        cannot read.
    """
    if len(text) > MAX_CHARACTERS:
        raise UserError(
            f"The text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are spoken.\n"
            "Split it into several."
        )
    kept = []
    for letter in unicodedata.normalize("NFKC", text.translate(_QUOTES)):
        category = unicodedata.category(letter)
        if category == "Cf":
            # Soft hyphens and joiners stand inside words.
            continue
        if category == "Nd":
            letter = str(unicodedata.decimal(letter))
        foreign = category[0] == "L" and category != "Lm" and not letter.isascii()
        if foreign and "LATIN" not in unicodedata.name(letter, ""):
            raise UserError(
                f"The voices speak English and cannot read {letter!r}.\n"
                "Write the text in the Latin alphabet."
            )
        drop = category[0] in "CZ" or category in ("So", "Sk")
        kept.append(" " if drop or letter in _DROPPED else letter)
    spoken = " ".join("".join(kept).split())
    if not any(letter.isalnum() for letter in spoken):
        found = "holds no words" if text.strip() else "is empty"
        raise UserError(f"The text {found}.\nGive at least one English word.")
    return spoken


def ascii_text(text: str) -> str:
    """Return spoken text for an engine that knows the letters a to z only: é becomes e.

    Parameters
    ----------
    text : str
        From `spoken_text`.

    Returns
    -------
    str
        ASCII. Letters with marks lost them; ß, æ and the like became their spelling without.

    Raises
    ------
    UserError
        If nothing is left to say.
    """
    for letter, spelling in _SPELLINGS.items():
        text = text.replace(letter, spelling)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    if not any(letter.isalnum() for letter in plain):
        raise UserError("The text holds no words.\nGive at least one English word.")
    return " ".join(plain.split())
