"""`python -m recog`: the `recog` command."""

import sys

from recog.tools.cli.main import main

sys.exit(main())
