"""Hooks: executables with gh-ost's names and ours, Python callables of installed packages, and a URL that is told.

All of them get the same context. One module for each kind, one for what they are told, and one that has them all.
"""
