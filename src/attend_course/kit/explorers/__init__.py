"""Live explorers: one source for the static page and for Jupyter.

An explorer is two small files in the folder of its chapter:

``explorer.py``
    A subclass of `Explorer`: its traits (what a reader may set) and ``_results``, which computes
    through ``attend`` all that is drawn.
``explorer.js``
    An ES module: ``compute(state)``, which gives the same results in the browser, and a view. It
    builds on ``view.js`` (the frame), ``dom.js`` (controls that follow a trait), ``draw.js`` (heat
    maps with keyboard, hover and lock), ``plot.js``, ``linalg.js`` (the mathematics) and
    ``draws.js`` (seeded random numbers).

How the parts meet
------------------
The module draws ``results``; it never asks who computed them. In Jupyter, Python computes whenever
a trait tagged ``state="input"`` changes, and sends ``results`` in one message. On a static page
``host.js`` holds the traits and calls the module's ``compute``. Traits tagged ``state="view"`` only
choose what is seen. Both kinds are options of the directive ``{attend-widget}``.

Adding an explorer
------------------
In Python::

    class RowSumExplorer(Explorer):
        module = "row_sum.js"
        title = "Explorer: what the rows of the weights sum to"
        d_k = traitlets.Int(8).tag(sync=True, state="input")

        @traitlets.validate("d_k")
        def _check_d_k(self, proposal): ...  # TraitError: rule and value

        def _results(self):
            return {"tokens": [...], "weights": as_lists(attention(q, k, v)[1])}

        def picture(self):
            return Picture("Weights", self.results["tokens"], self._matrix("weights"))

        def summary(self):
            return "Each row sums to 1."

In JavaScript::

    import { dK, slider, say, el } from "./dom.js";
    import { heatMap, explore, shades } from "./draw.js";
    import { explorer } from "./view.js";

    const compute = (state) => ({ error: null, tokens: [...], weights: [...] });

    function view({ model, life, announce }) {
      const map = heatMap(life, {});
      const draw = (results) => { map.update({ ... }); announce("..."); };
      return { parts: [slider(model, life, { ... }), map.element], draw };
    }

    export default explorer({ name: "Explorer: ...", compute, view });

``results["tokens"]`` must be there; it tells the frame that there is something to draw. Without a
``static_html`` of your own the page shows the heat map of ``picture()`` and the summary until the
module has loaded. Top-level names never clash: each file is wrapped when they are joined.

Tests that come for free
------------------------
``tests/kit/test_widgets.py`` and ``tests/site/test_explorers.py`` run over all explorers: state,
 ``repr`` and MIME bundle; bad settings; the picture without scripts; equal results from
Python and the browser in the default state and in each of ``Explorer.examples``; no console error
and no request to another host; keyboard; 360 pixels without sideways scrolling of the page; axe,
light and dark; no shift of the layout when the live explorer takes over; nothing typed becomes
HTML.
"""

from attend_course.kit.explorers.base import MIME, Explorer, all_explorers, as_lists
from attend_course.kit.explorers.drawing import Picture

__all__ = [
    "MIME",
    "Explorer",
    "Picture",
    "all_explorers",
    "as_lists",
]
