"""The change stream: which keys of one table the binary log says have changed (protocol R10, R11).

    stream     KeyStream, the public class
    tap        the connection: mysql-replication opens the dump, we take the socket
    reader     bytes → changes
    express    takes what is usual and goes through it in one loop; the rest is done, carefully, by
    packets    bytes → events: packet framing, giant events, checksums, compressed transactions (payload)
    decoder    events → keys, markers, transaction boundaries; refuses what cannot be followed
    tablemap   the layout of a table's row images
    rows       walkers that cut the key out of row images without decoding the rest
    keys       key bytes → canonical key components
    queries    what a statement in the log means for the migration
    events     the types of events
    failures   server errors and unreadable events → our exceptions

Why not let mysql-replication decode: it costs 12–20 times the CPU, loses compressed transactions silently, and returns
wrong values for a good part of the types.
"""
