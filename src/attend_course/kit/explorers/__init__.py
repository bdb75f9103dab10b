"""Live explorers: one source for the static page and for Jupyter.

An explorer is two small files in the folder of its chapter:

``explorer.py``
    A subclass of `Explorer`: its traits (what a reader may set) and ``_results``, which computes
    through ``attend`` all that is shown.
``explorer.js``
    An ES module: ``compute(state)``, which gives the same results in the browser, and a ``View``
    of state and results, written with Preact and htm (``vendor/``). It builds on ``explorer.js``
    (the frame), ``controls.js``, ``maps.js`` (heat maps with keyboard, hover and lock),
    ``text.js`` (numbers as text), ``words.js`` (what a reader types), ``palette.js`` (colours),
    ``linalg.js`` (the mathematics) and ``draws.js`` (seeded random numbers).

How the parts meet
------------------
The view is the only one there is. `render.Stage` draws it when the book is built; on the page
``page.js`` holds the traits, calls the module's ``compute`` and brings the same elements to life.
In Jupyter, Python computes whenever a trait tagged ``state="input"`` changes, and sends ``results``
in one message. Traits tagged ``state="view"`` only choose what is seen. Both kinds are options of
the directive ``{attend-widget}``. Controls show ``state``, pictures ``results``: in Jupyter results
come later.

Adding an explorer
------------------
In Python::

    class RowSumExplorer(Explorer):
        module = "row_sum"  # the folder of the chapter
        title = "Explorer: what the rows of the weights sum to"
        d_k = traitlets.Int(8).tag(sync=True, state="input")

        @traitlets.validate("d_k")
        def _check_d_k(self, proposal): ...  # TraitError: rule and value

        def _results(self):
            return {"tokens": [...], "weights": as_lists(attention(q, k, v)[1])}

        def picture(self):
            return Picture("Weights", self.results["tokens"], self._matrix("weights"))

In JavaScript::

    import { html } from "../../kit/explorers/vendor/preact.js";
    import { DK, Slider } from "../../kit/explorers/controls.js";
    import { Announce, explorer } from "../../kit/explorers/explorer.js";
    import { HeatMap, useLook } from "../../kit/explorers/maps.js";
    import { shades } from "../../kit/explorers/palette.js";

    const compute = ({ d_k }) => ({ error: null, tokens: [...], weights: [...] });
    const words = () => "Each row sums to 1.";

    function View({ state, results, set, id }) {
      const look = useLook(state, set, results.weights);
      return html`
        <${Slider} value=${state.d_k} steps=${[1, 2, 4, 8]}
          onChange=${(d_k) => set({ d_k })}><${DK} /><//>
        <${HeatMap} label="Weights" rows=${results.tokens} values=${results.weights}
          ramp=${shades(results.weights, 1)} look=${look} stage="weights" />
        <p class="attend-summary">${words()}</p>
        <${Announce}>${words()}<//>`;
    }

    export default explorer({
      title: "Explorer: what the rows of the weights sum to",
      traits: ["d_k", "cell", "locked"], compute, words, View,
    });

``results["tokens"]`` must be there; it tells the frame that there is something to show. A view has
no effects of its own and asks the browser for nothing while it draws: the engine that draws pages
is no browser. Top-level names never clash: each file is wrapped when they are joined.

Tests that come for free
------------------------
``tests/kit/test_widgets.py``, ``tests/kit/test_views.py`` and ``tests/site/test_explorers.py`` run
over all explorers: state, ``repr`` and MIME bundle; bad settings; the picture without scripts;
equal results, and equal HTML, from Python and from the module in the default state and in each of
``Explorer.examples``; no console error and no request to another host; keyboard; 360 pixels
without sideways scrolling of the page; axe, light and dark; no shift of the layout when the picture
comes alive; nothing typed becomes HTML.
"""

from attend_course.kit.explorers.base import MIME, Explorer, all_explorers, as_lists, returned
from attend_course.kit.explorers.drawing import Picture

__all__ = [
    "MIME",
    "Explorer",
    "Picture",
    "all_explorers",
    "as_lists",
    "returned",
]
