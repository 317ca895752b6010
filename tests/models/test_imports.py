"""A machine for training may lack sound libraries and widgets."""

import subprocess
import sys

BLOCKED = ("librosa", "soundfile", "soxr", "k3d", "anywidget", "ipywidgets", "matplotlib")
PROGRAM = f"""
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ImportError("blocked: " + name)

sys.meta_path.insert(0, Block())
import numpy as np
import talking_heads.training
from talking_heads.models import (
    MODELS, PRIORS, MotionContract, load_prior, shipped_models, shipped_priors
)
from talking_heads.training.animators import load_animator

contract = MotionContract(speakers=("a",), heads=("neutral@low",))
for model in MODELS.values():
    motion = model(model.config_type(), contract).animate(np.zeros(1600, dtype=np.float32))
    assert motion.values.shape == (3, 52)
mesh = MotionContract(
    speakers=(), heads=(), kind="vertices", vertices=20, topology_hash="0", average_head="a@b"
)
for prior in PRIORS.values():
    motion = prior(prior.config_type(), mesh).motion(np.zeros((3, 8), dtype=np.int64))
    assert motion.values.shape == (3, 20, 3)
for name in shipped_priors():
    load_prior(name)
for name in shipped_models():
    load_animator(name, None)
"""


def test_models_and_training_need_neither_sound_nor_widgets() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
