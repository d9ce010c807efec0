"""The packages that draw the page: whether they are there, and the JavaScript that they bring."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec

from recog.backend.arithmetic.fast.cache import keep, load
from recog.dialects.errors import RecogError
from recog.tools.versions import version_of

LIBRARIES = {
    "jinja2": "Jinja2",
    "vl_convert": "vl-convert-python",
    "igraph": "igraph",
    "PIL": "Pillow",
}
"""Modules, and the packages that bring them."""
EXTRA_HINT = "pip install 'recog[report]'"


def missing_libraries() -> list[str]:
    """The packages that the page wants and that are not installed."""
    return [package for module, package in LIBRARIES.items() if find_spec(module) is None]


def require_libraries() -> None:
    """Raise RecogError where packages that the page wants are not installed."""
    missing = missing_libraries()
    if missing:
        packages = "the Python package" if len(missing) == 1 else "the Python packages"
        raise RecogError(
            f"needs {packages} {', '.join(missing)}, not installed",
            where="the page of a report",
            hint=EXTRA_HINT,
        )


@lru_cache(maxsize=1)
def vega_script() -> str:
    """Vega, Vega-Lite and vega-embed as one script, which sets `window.vegaEmbed`.

    vl-convert carries them and takes seconds to bundle them: what it gives is kept.
    """
    name = f"vega-{version_of(LIBRARIES['vl_convert'])}.js"
    kept = load(name)
    if kept is not None:
        return kept.decode()
    import vl_convert

    script = vl_convert.javascript_bundle()  # pyright: ignore[reportCallIssue]
    keep(name, script.encode())
    return script
