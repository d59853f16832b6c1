"""Values: frozen, comparable, without I/O; standard library only."""
