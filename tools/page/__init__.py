"""The page of a conversion: one offline HTML file, drawn from what `report.json` holds.

Jinja2 writes it, Vega-Lite plots, igraph places the network's nodes: the packages of the extra
`report`.
"""

from recog.tools.page.draw import html_page
from recog.tools.page.libraries import EXTRA_HINT, missing_libraries, require_libraries

__all__ = ["EXTRA_HINT", "html_page", "missing_libraries", "require_libraries"]
