"""Freed memory is kept: counted in the pages that the system has to clear."""

import platform
import subprocess
import sys

import pytest

COUNT = """
import resource
import numpy as np
{first}
def cleared():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        blocks = [np.ones(200_000) for _ in range(6)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
cleared()
print(cleared())
"""
pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries do not learn"
)
MODELS = {
    "numpy": """
from attend.models.array_transformer import ArrayTransformer
from attend.config import TransformerConfig
from attend.models.weights import expected_shapes
config = TransformerConfig(20, N=1, d_model=8, d_ff=8, h=2)
ArrayTransformer(config, {n: np.zeros(s, np.float32) for n, s in expected_shapes(config).items()})
""",
    "torch": """
from attend.config import TransformerConfig
from attend.models.torch_transformer import Transformer
Transformer(TransformerConfig(20, N=1, d_model=8, d_ff=8, h=2))
""",
}
PAGES = 20 * 6 * 200_000 * 8 // 4096


def cleared(first: str) -> int:
    """Count the pages that a process gets from the system while it works with large arrays."""
    program = [sys.executable, "-c", COUNT.format(first=first)]
    return int(subprocess.run(program, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_keeps_freed_memory(model):
    assert cleared(MODELS[model]) < PAGES / 100


def test_without_a_model_the_memory_goes_back_each_time():
    assert cleared("") > PAGES / 2
