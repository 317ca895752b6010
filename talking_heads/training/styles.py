"""In whose style a clip is animated when a model is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from talking_heads.errors import UserError

if TYPE_CHECKING:
    from talking_heads.training.evaluation import Animator

STYLES = ("own", "average", "each")
"""Rules that have a name; any other word is the name of one style."""


@dataclass(frozen=True)
class StyleChoice:
    """The styles of one clip and the reason for them.

    Parameters
    ----------
    names : tuple of (str or None)
        One prediction each; None is the average style.
    rule : {"own", "average", "each", "named", "none"}
        What was done: ``"none"`` where the model knows no styles.
    fallback : bool
        Whether `rule` is not what was asked for.
    """

    names: tuple[str | None, ...]
    rule: str
    fallback: bool = False


def has_average(model: Animator) -> bool:
    """Return whether a model learned an average style; others need a name they know.

    A model that was trained without dropping styles has an average style that it never used.
    """
    config = getattr(model, "config", None)
    return bool(getattr(model, "has_average_style", getattr(config, "style_dropout", 1.0)))


def choose_styles(model: Animator, speaker: str, style: str = "own") -> StyleChoice:
    """Return the styles in which to animate the clips of a speaker.

    Parameters
    ----------
    model : Animator
        Its `speakers` are the styles it knows.
    speaker : str
        Who speaks.
    style : str
        ``"own"``: the speaker's; where the model does not know the speaker, the average style,
        or every style if the model never learned an average. ``"average"``. ``"each"``: every
        style, as the papers do on VOCASET. Or the name of one.

    Returns
    -------
    StyleChoice

    Raises
    ------
    UserError
        If the style is not known, or the model has no average style.
    """
    known = tuple(model.speakers)
    if style not in STYLES and style not in known:
        styles = ", ".join((*STYLES, *known))
        raise UserError(f"There is no style {style!r} here. Choose from {styles}.")
    if not known:
        return StyleChoice((None,), "none")
    if style == "each":
        return StyleChoice(known, "each")
    if style == "average":
        if not has_average(model):
            raise UserError(
                "The model was trained without an average style.\n"
                'Take the style "each", or the name of one.'
            )
        return StyleChoice((None,), "average")
    if style != "own":
        return StyleChoice((style,), "named")
    if speaker in known:
        return StyleChoice((speaker,), "own")
    if has_average(model):
        return StyleChoice((None,), "average", fallback=True)
    return StyleChoice(known, "each", fallback=True)


def style_notes(model: Animator, choices: Sequence[StyleChoice]) -> list[str]:
    """Return sentences on the styles of some clips, one a rule."""
    notes = []
    styles = len(model.speakers)
    for rule, fallback in dict.fromkeys((choice.rule, choice.fallback) for choice in choices):
        count = sum((choice.rule, choice.fallback) == (rule, fallback) for choice in choices)
        if rule == "none":
            notes.append("The model has no styles to choose from.")
        elif rule == "own":
            notes.append(f"{count} clips in their speaker's own style.")
        elif rule == "named":
            named = next(choice.names[0] for choice in choices if choice.rule == rule)
            notes.append(f"{count} clips in the style of {named}.")
        elif rule == "average":
            why = " of speakers that the model does not know:" if fallback else ""
            notes.append(f"{count} clips{why} in the average style.")
        else:
            why = (
                " of speakers that the model does not know (it has no average style):"
                if fallback
                else ""
            )
            notes.append(
                f"{count} clips{why} in each of the {styles} styles; figures are means over them."
            )
    return notes


def style_counts(choices: Sequence[StyleChoice]) -> dict[str, Any]:
    """Return how many clips were animated by each rule, for JSON."""
    rules = [choice.rule for choice in choices]
    return {rule: rules.count(rule) for rule in dict.fromkeys(rules)}
