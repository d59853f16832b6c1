"""Where a running migration is spoken to: sockets, who may use them, and one line in, one answer out."""
