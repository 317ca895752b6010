from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talking_heads.errors import UserError
from talking_heads.export import write_html
from talking_heads.export.page import page
from talking_heads.view.container import unpack
from talking_heads.view.content import Content


class Elements(HTMLParser):
    """Collects the elements of a page, with the text of scripts, styles and headings."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append([tag, dict(attrs), ""])

        self.inside = True

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.found and self.inside:
            self.found[-1][2] += data

    def all(self, tag):
        return [(attributes, text) for name, attributes, text in self.found if name == tag]


def bare(title, description="words", labels=()):
    return Content((), b"", 1.0, title, description, tuple(labels), b"")


NASTY = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "</script><script>alert(1)</script>",
            "</title><img src=x onerror=alert(1)>",
            '" onload="alert(1)',
            "<!--<script>",
            "]]>",
            "\u2028&lt;b&gt;",
        ]
    ),
)


@settings(max_examples=60, deadline=None)
@given(NASTY, NASTY, st.lists(NASTY, max_size=2))
def test_no_title_description_or_label_becomes_markup(title, description, labels):
    plain = Elements(page(bare("a", "b", ["c"] * len(labels))))
    nasty = Elements(page(bare(title, description, labels)))
    assert [(tag, sorted(attrs)) for tag, attrs, _ in nasty.found] == [
        (tag, sorted(attrs)) for tag, attrs, _ in plain.found
    ]
    words = next(text for attrs, text in nasty.all("script") if attrs.get("id") == "words")
    assert json.loads(words)["title"] == title
    assert json.loads(words)["labels"] == labels


def test_the_page_holds_all_it_needs(tmp_path, babble, tone):
    path = tmp_path / "talk.html"
    write_html(path, babble(50), tone(2), title="Hello & <bye>")
    text = path.read_text("utf-8")
    elements = Elements(text)
    assert elements.all("h1")[0][1].strip() == "Hello & <bye>"
    for _, attributes, _ in elements.found:
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:")
    data = {attrs["id"]: body for attrs, body in elements.all("script") if "id" in attrs}
    header, _ = unpack(base64.b64decode(data["head-0"]))
    assert header["frames"] == 50
    assert base64.b64decode(data["sound"])[:4] == b"RIFF"


def test_the_policy_admits_the_pages_own_script_and_nothing_else(tmp_path, babble):
    path = tmp_path / "talk.html"
    write_html(path, babble(5))
    elements = Elements(path.read_text("utf-8"))
    policy = next(
        attrs["content"]
        for attrs, _ in elements.all("meta")
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "connect-src" not in policy
    (code,) = [body for attrs, body in elements.all("script") if attrs.get("type") == "module"]
    (css,) = [body for _, body in elements.all("style")]
    for body in (code, css):
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_ten_seconds_take_a_few_megabytes(tmp_path, babble, tone):
    path = tmp_path / "talk.html"
    write_html(path, babble(250, face_id="neutral@medium"), tone(10))
    assert path.stat().st_size < 5_000_000


def test_two_heads_and_no_sound(tmp_path, babble):
    path = tmp_path / "both.html"
    write_html(path, [babble(20), babble(20, seed=1)], labels=["truth", "model"])
    text = path.read_text("utf-8")
    assert 'id="head-1"' in text
    assert 'id="sound"' not in text


def test_a_page_that_no_browser_would_open_is_refused(tmp_path, babble, tone, monkeypatch):
    monkeypatch.setattr("talking_heads.export.page.MAX_BYTES", 50_000)
    path = tmp_path / "talk.html"
    path.write_text("old")
    with pytest.raises(UserError, match="Write a shorter part"):
        write_html(path, babble(20), tone(1))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_run_leaves_the_old_page(tmp_path, babble):
    path = tmp_path / "talk.html"
    path.write_text("old")
    with pytest.raises(UserError):
        write_html(path, babble(5), np.array([np.nan]))
    assert path.read_text() == "old"
    assert re.fullmatch("talk.html", path.name)


def test_half_characters_in_words_do_no_harm(tmp_path, babble):
    path = tmp_path / "talk.html"
    write_html(path, babble(5), title="a\ud800b", labels=["\udfff"])
    assert "<title>a\ufffdb</title>" in path.read_text("utf-8")
    page(bare("\ud800", "\udfff", ["\ud800"])).encode("utf-8")
