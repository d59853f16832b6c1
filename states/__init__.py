"""The state machine: `table.py` says which state follows which, and every other module here is one state.

Import it as `fsm_ghost.states`: the directory lies at the top of the checkout and is shipped inside the package.
"""

if __name__ != "fsm_ghost.states":
    raise ImportError("import fsm_ghost.states, not states")
