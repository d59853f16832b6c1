"""`python -m fsm_ghost` is `fsm-ghost`."""

import sys

from fsm_ghost.cli import main

sys.exit(main())
