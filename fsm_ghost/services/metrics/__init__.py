"""A migration in figures, for those who watch many: Prometheus, a text file, StatsD."""
