"""Live explorers (to be described)."""

from attend.widgets.base import MIME, Explorer
from attend.widgets.scaling import ScalingExplorer

__all__ = ["MIME", "Explorer", "ScalingExplorer"]
