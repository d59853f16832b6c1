"""What makes row copy wait: the server's load, replicas, a query, a URL, files. One module for each kind of source.

A source that cannot be read, or has not answered for long, makes row copy wait as well: nobody knows then that it may
go on. Changes are brought over all the time: they would pile up, and they are what the application writes anyway.
"""
