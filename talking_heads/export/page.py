"""One self-contained page that plays a motion with its sound, offline."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talking_heads.errors import UserError
from talking_heads.files import atomic_write, check_target
from talking_heads.view.assets import script, style
from talking_heads.view.content import Content, clean_text, make_content

if TYPE_CHECKING:
    from talking_heads.corpus.heads import Head
    from talking_heads.face import Face
    from talking_heads.face.motion import Motion

MAX_BYTES = 150_000_000
"""Browsers open pages of this size without trouble; longer motions are refused."""

_STATIC = Path(__file__).parent / "static"


def write_html(
    path: str | PathLike[str],
    motion: Motion | Sequence[Motion],
    audio: Any = None,
    *,
    face: Face | Head | Sequence[Face | Head] | None = None,
    title: str | None = None,
    labels: Sequence[str] | None = None,
    alive: bool = False,
) -> None:
    """Write a page that plays a motion and its sound in any browser, without a network.

    Parameters
    ----------
    path : path
        The file, usually ``.html``. An existing one is replaced only when all is written.
    motion, audio, face, title, labels, alive
        As in `talking_heads.view.play`.

    Raises
    ------
    UserError
        If the folder does not exist, the input cannot be shown, or the page would exceed 150 MB.

    Notes
    -----
    The page carries a content security policy that allows its own script, by hash, and no
    request to anywhere. Ten seconds of the medium face take about 3 MB.
    """
    check_target(path)
    content = make_content(motion, audio, face=face, title=title, labels=labels, alive=alive)
    size = (sum(len(head.data) for head in content.heads) + len(content.sound)) * 4 // 3
    if size > MAX_BYTES:
        raise UserError(
            f"The page would take {size / 1e6:.0f} MB, and browsers manage about "
            f"{MAX_BYTES / 1e6:.0f} MB.\nWrite a shorter part, or the numbers with .npz."
        )
    text = page(content)
    with atomic_write(path) as file:
        file.write(text.encode("utf-8"))


def page(content: Content) -> str:
    """Return the whole page as text; no part of the content can act as markup or script."""
    code = script() + (_STATIC / "page.js").read_text("utf-8")
    css = style() + (_STATIC / "page.css").read_text("utf-8")
    policy = (
        f"default-src 'none'; script-src '{_hash(code)}'; style-src '{_hash(css)}'; "
        "img-src data:; media-src blob:; base-uri 'none'; form-action 'none'"
    )
    title, description = clean_text(content.title), clean_text(content.description)
    words = {
        "title": title,
        "description": description,
        "labels": [clean_text(label) for label in content.labels],
        "seconds": content.seconds,
        "count": len(content.heads),
        "hasSound": bool(content.sound),
        "alive": content.alive,
    }
    blocks = [_data(f"head-{i}", head.data) for i, head in enumerate(content.heads)]
    if content.sound:
        blocks.append(_data("sound", content.sound))
    title, description = html.escape(title), html.escape(description)
    still = base64.b64encode(content.still).decode("ascii")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{css}</style>
</head>
<body>
<h1>{title}</h1>
<main>
<div id="head"></div>
<img id="poster" alt="{description}" src="data:image/png;base64,{still}">
</main>
<p>{description}</p>
<noscript><p>This page plays sound and motion with JavaScript, which is switched off.</p></noscript>
<script type="application/json" class="data" id="words">{_json(words)}</script>
{"".join(blocks)}
<script type="module">{code}</script>
</body>
</html>
"""


def _json(value: Any) -> str:
    """Return JSON in which no ``<`` can end the script element that holds it."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(name: str, data: bytes) -> str:
    text = base64.b64encode(data).decode("ascii")
    return f'<script type="application/octet-stream" class="data" id="{name}">{text}</script>\n'


def _hash(text: str) -> str:
    """Return the source expression that lets a policy admit exactly this inline text."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
