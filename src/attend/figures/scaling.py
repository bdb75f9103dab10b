"""Figures of chapter 4, "Scaling and the softmax"."""

from matplotlib.figure import Figure

from attend.examples import scaling as example
from attend.figures.registry import figure
from attend.figures.style import Style, heatmap


@figure
def three_steps(style: Style) -> Figure:
    """Scores, scaled scores and weights of the running sentence."""
    picture, axes = style.panels(3, height=2.9)
    heatmap(axes[0], example.raw_scores(), style, tokens=example.TOKENS, name="scores", digits=0)
    heatmap(axes[1], example.scaled_scores(), style, tokens=example.TOKENS, name="scaled", digits=1)
    heatmap(axes[2], example.weights(), style, tokens=example.TOKENS, name="weights")
    for ax, title in zip(axes, ("scores", "scores / √64", "weights"), strict=True):
        ax.set_title(title)
    return picture
