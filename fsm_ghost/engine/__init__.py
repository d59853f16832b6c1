"""The interpreter of the state machine: it knows states, stores and hooks, and nothing of MySQL."""
