"""fsm-ghost: online schema change for MySQL and MariaDB as an explicit, resumable state machine."""

__version__ = "0.1.0"
