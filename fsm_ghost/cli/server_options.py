"""The options that say how the server is reached, and those that say where else options are found."""

from __future__ import annotations

from functools import partial

from fsm_ghost.cli.option import CONNECTING, STORING, Group, Kind, Option

# As in settings.Encryption, which help must not wait for.
ENCRYPTIONS = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")

_server = partial(Option, group=Group.SERVER, commands=CONNECTING)
_origin = partial(Option, group=Group.ORIGIN, commands=STORING, gh_ost=False)

SERVER: tuple[Option, ...] = (
    _server(
        "host",
        Kind.TEXT,
        help="the server: the primary",
        sets="server.host",
        default="127.0.0.1",
        metavar="NAME",
        brief=True,
    ),
    _server("port", Kind.NUMBER, help="its port", sets="server.port", default=3306, brief=True),
    _server(
        "socket",
        Kind.PATH,
        help="its Unix socket, instead of host and port",
        sets="server.socket",
        short="-S",
        brief=True,
        gh_ost=False,
    ),
    _server("user", Kind.TEXT, help="the account", sets="server.user", metavar="NAME", brief=True),
    _server("ask-pass", Kind.SWITCH, help="ask for its password", default=False, brief=True),
    _server("password-file", Kind.PATH, help="file with the password in its first line", brief=True, gh_ost=False),
    _server(
        "password-command",
        Kind.TEXT,
        help="program that prints the password, with its arguments",
        metavar="COMMAND",
        gh_ost=False,
    ),
    _server(
        "password",
        Kind.TEXT,
        help="the password; better in MYSQL_PWD or a file, since others can see it here for a moment",
        secret=True,
    ),
    _server(
        "url",
        Kind.TEXT,
        help="all of it at once: mysql://USER:PASSWORD@HOST:PORT/DATABASE, or env:NAME for a variable",
        metavar="URL",
        gh_ost=False,
        secret=True,
    ),
    _server(
        "assume-master-host",
        Kind.TEXT,
        help="gh-ost's way to name the primary, where --host is a replica: everything is done on the primary",
        metavar="HOST:PORT",
    ),
    _server("master-user", Kind.TEXT, help="with --assume-master-host: the account there", metavar="NAME"),
    _server("master-password", Kind.TEXT, help="with --assume-master-host: its password", secret=True),
    _server(
        "mysql-timeout",
        Kind.DECIMAL,
        help="how long connecting may take; 0: the default. Statements have limits of their own",
        sets="server.connect_timeout",
        default=10.0,
    ),
    _server(
        "ssl-mode",
        Kind.TEXT,
        help="encryption, in MySQL's words: DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY",
        sets="server.encryption",
        default="PREFERRED",
        metavar="MODE",
        choices=ENCRYPTIONS,
        gh_ost=False,
    ),
    _server("ssl", Kind.SWITCH, help="as in gh-ost: --ssl-mode=VERIFY_IDENTITY", default=False),
    _server(
        "ssl-allow-insecure",
        Kind.SWITCH,
        help="encrypt, but do not check who the server is: --ssl-mode=REQUIRED",
        default=False,
    ),
    _server(
        "ssl-verify-server-cert",
        Kind.SWITCH,
        help="as in MariaDB: --ssl-mode=VERIFY_IDENTITY",
        default=False,
        gh_ost=False,
    ),
    _server(
        "ssl-ca",
        Kind.PATH,
        help="the certificate authority's certificate (PEM); alone: --ssl-mode=VERIFY_CA",
        sets="server.ssl_ca",
    ),
    _server("ssl-cert", Kind.PATH, help="our certificate (PEM); alone: --ssl-mode=REQUIRED", sets="server.ssl_cert"),
    _server("ssl-key", Kind.PATH, help="its key (PEM)", sets="server.ssl_key"),
    Option(
        "login-path",
        Kind.TEXT,
        Group.REFUSED,
        "Encrypted login files are not read: --password-command, --password-file, or an option file.",
        CONNECTING,
        gh_ost=False,
    ),
)
ORIGIN: tuple[Option, ...] = (
    _origin(
        "profile", Kind.TEXT, help="options from [profile.NAME] of ~/.config/fsm-ghost/config.toml", metavar="NAME"
    ),
    _origin("defaults-file", Kind.PATH, help="the only MySQL option file to be read"),
    _origin("defaults-extra-file", Kind.PATH, help="an option file to be read before ~/.my.cnf"),
    _origin("defaults-group-suffix", Kind.TEXT, help="also read groups with this suffix: [client_prod] for _prod"),
    _origin("no-defaults", Kind.SWITCH, help="read no MySQL option file", default=False),
    Option("conf", Kind.PATH, Group.ORIGIN, "gh-ost's file: [client] with user and password, ${VARIABLE}s", CONNECTING),
)
