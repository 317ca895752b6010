import pytest
from hypothesis import given
from hypothesis import strategies as st

from talking_heads.errors import UserError
from talking_heads.speech.text import MAX_CHARACTERS, spoken_text


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Hello there.", "Hello there."),
        ("  one\n\n two\r\n\tthree ", "one two three"),
        ("<speak>hello</speak>", "speak hello /speak"),
        ("[[h@'loU]] {x} |a|", "h@'loU x a"),
        ("\x01+10p hello \x00", "+10p hello"),
        ("“It’s” – she said — here…", '"It\'s" - she said , here...'),
        ("hy\u00adphen\u200bated", "hyphenated"),
        ("hello 😀", "hello"),
        ("café naïve", "café naïve"),
        ("e\u0301", "é"),
        ("ﬁne ＡＢ", "fine AB"),
        ("٣٤", "34"),
        ("\ud800 hello", "hello"),
    ],
)
def test_examples(text: str, spoken: str) -> None:
    assert spoken_text(text) == spoken


@pytest.mark.parametrize("text", ["", " ", "\n", "?!... --", "😀", "<>", "'", "\x01"])
def test_nothing_to_say(text: str) -> None:
    with pytest.raises(UserError, match="at least one English word"):
        spoken_text(text)


@pytest.mark.parametrize("text", ["привет", "你好", "hello мир", "γειά", "مرحبا"])
def test_other_scripts(text: str) -> None:
    with pytest.raises(UserError, match="Latin alphabet"):
        spoken_text(text)


def test_too_long() -> None:
    assert spoken_text("a " * (MAX_CHARACTERS // 2))
    with pytest.raises(UserError, match="Split it"):
        spoken_text("a" * (MAX_CHARACTERS + 1))


@given(st.text(max_size=60))
def test_what_is_spoken_is_one_plain_line(text: str) -> None:
    try:
        spoken = spoken_text(text)
    except UserError as error:
        assert len(str(error).splitlines()) <= 3
        return
    assert spoken.isprintable() and not set(spoken) & set("<>[]{}|\\^~_*#`=")
    spoken.encode("utf-8")
    assert spoken_text(spoken) == spoken
