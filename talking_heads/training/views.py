"""What of a corpus a network trains on, and the contract that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from talking_heads.errors import UserError
from talking_heads.models import MotionContract
from talking_heads.models.network import Network
from talking_heads.training.data import TrainingData

if TYPE_CHECKING:
    from talking_heads.corpus.collection import Corpus
    from talking_heads.corpus.heads import Head


def build_contract(
    corpus: Corpus, data: TrainingData, name: str, without: Sequence[str] = ()
) -> MotionContract:
    """Return the contract of a model that trains on ``data``, ``without`` some speakers.

    Of vertices of the course's head, the average speaker wears the neutral face of the same
    resolution; where the corpus has a mesh of its own, the first speaker's.
    """
    heads = tuple(corpus.face_ids[speaker] for speaker in data.speakers)
    mesh: dict[str, Any] = {}
    head = training_head(corpus, data)
    if head is not None:
        mesh = {
            "kind": "vertices",
            "vertices": len(head.vertices),
            "topology_hash": head.topology_hash,
            "unit": head.unit,
        }
        if corpus.surface is None:
            resolution = data.view.partition("@")[2]
            heads = tuple(f"{face.partition('@')[0]}@{resolution}" for face in heads)
            mesh["average_head"] = f"neutral@{resolution}"
    return MotionContract(
        speakers=data.speakers,
        heads=heads,
        mean=data.mean,
        scale=data.scale,
        fps=corpus.fps,
        **mesh,
        provenance={
            "model": name,
            "corpus": corpus.name,
            "clips": str(len(data)),
            "seconds": f"{data.frames / corpus.fps:.0f}",
            "date": datetime.now(UTC).date().isoformat(),
            **({"without": ", ".join(without)} if without else {}),
        },
    )


def training_head(corpus: Corpus, data: TrainingData) -> Head | None:
    """Return the head of the first speaker trained on, at the resolution of the view.

    None where coefficients are trained on.
    """
    kind, _, resolution = data.view.partition("@")
    if kind != "vertices":
        return None
    return corpus.head(data.speakers[0], resolution or "low")


def choose_view(kind: type[Network], corpus: Corpus, preset: str, view: str | None) -> str:
    """Return the view of a corpus that a network trains on.

    Parameters
    ----------
    kind : type
        Of network.
    corpus : Corpus
        A mesh of its own leaves no choice.
    preset : str
        Which names a view for coefficients of the course's head; see `Network.preset_views`.
    view : str or None
        What was asked for.

    Raises
    ------
    UserError
        If nothing can be trained on such a view, or the corpus has none.
    """
    if view is None:
        stored = corpus.view
        return stored if stored != "coefficients" else kind.preset_views.get(preset, stored)
    if view.partition("@")[0] not in ("coefficients", "vertices") or "@" in view.replace(
        "vertices@", ""
    ):
        raise UserError(
            f"Nothing is trained on the view {view!r:.60}.\n"
            "Choose coefficients, vertices or a resolution such as vertices@low."
        )
    return view
