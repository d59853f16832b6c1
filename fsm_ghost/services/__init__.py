"""Who does the work: one agent a module. None of them knows the order of the states."""
