"""The only package that spells SQL or imports a driver."""
