"""The rights of a ClickHouse server's analysts, held by the engine: server_rights_test.py LIBCHDB STORE ANALYST_SQL.

Reads statements from standard input as JSON: {"answered": {title: sql, …}, "refused": {sql: error, …}}. The engine is
opened on STORE, a database that patchlens filled and nobody else has open, as a user who has the profile, the quota
and the grants of ANALYST_SQL. The engine in a library keeps no users of its own, but it takes them from a
configuration file, as a server does, and it is the server's code that holds them to it. What stays untried is only
that a server takes the same as SQL; that it parses is another test's.

Prints one line for each statement that went another way than it should, and ends with 1 when there is one.
"""

import ctypes
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape


def element(name, inner):
    return f"<{name}>{inner}</{name}>"


def settings(profile):
    """The settings and constraints of CREATE SETTINGS PROFILE, as the two parts of a profile in XML."""
    values, constraints = [], []
    for line in profile.split("SETTINGS\n", 1)[1].splitlines():
        name, rest = line.strip().rstrip(",").split(" = ", 1)
        value, bounds = re.fullmatch(r"('[^']*'|\S+)(.*)", rest).groups()
        values.append(element(name, escape(value.strip("'"))))
        held = "<readonly/>" if " CONST" in bounds else ""
        held += "".join(element(kind.lower(), at) for kind, at in re.findall(r"(MIN|MAX) (\d+)", bounds))
        constraints.append(element(name, held) if held else "")
    return "".join(values) + element("constraints", "".join(constraints))


def intervals(quota):
    """The intervals of CREATE QUOTA."""
    seconds = {"minute": 60, "hour": 3600}
    found = []
    for unit, bounds in re.findall(r"FOR INTERVAL 1 (\w+) MAX ([^\n]*)", quota):
        held = "".join(element(name, at) for name, at in re.findall(r"(\w+) = (\d+)", bounds))
        found.append(element("interval", element("duration", seconds[unit]) + held))
    assert found, quota
    return "".join(found)


def users(text):
    """ANALYST_SQL as a configuration of users, whose only user is the one that the library signs in."""
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    statements = [statement.strip() for statement in text.split(";") if statement.strip()]

    def the_one(start):
        (found,) = [statement for statement in statements if statement.startswith(start)]
        return found

    grants = [s.removesuffix(" TO patchlens_analyst") for s in statements if re.match(r"GRANT .* ON ", s)]
    user = (
        "<password/><networks><ip>::/0</ip></networks><profile>analyst</profile><quota>analyst</quota>"
        + element("grants", "".join(element("query", escape(grant)) for grant in grants))
    )
    return element(
        "clickhouse",
        element("profiles", "<default/>" + element("analyst", settings(the_one("CREATE SETTINGS PROFILE"))))
        + element("quotas", element("analyst", intervals(the_one("CREATE QUOTA"))))
        + element("users", element("default", user)),
    )


class Engine:
    """libchdb, opened once on a directory with a configuration file."""

    def __init__(self, library, store, configuration):
        self.library = ctypes.CDLL(library)
        self.library.chdb_set_signal_handlers_enabled(0)
        for name, returned in [
            ("chdb_query", ctypes.c_void_p),
            ("chdb_result_buffer", ctypes.c_void_p),
            ("chdb_result_length", ctypes.c_size_t),
            ("chdb_result_error", ctypes.c_char_p),
            ("chdb_destroy_query_result", None),
        ]:
            function = getattr(self.library, name)
            function.restype = returned
            function.argtypes = [ctypes.c_void_p] * (3 if name == "chdb_query" else 1)
        self.library.chdb_connect.restype = ctypes.POINTER(ctypes.c_void_p)
        arguments = [b"clickhouse", b"--path=" + os.fsencode(store), b"--config-file=" + os.fsencode(configuration)]
        self.connection = self.library.chdb_connect(len(arguments), (ctypes.c_char_p * len(arguments))(*arguments))
        assert self.connection, "the engine was not opened"

    def query(self, sql):
        """The answer as text, and the error, of which one is empty."""
        given = ctypes.create_string_buffer(sql.encode()), ctypes.create_string_buffer(b"TSV")
        result = self.library.chdb_query(self.connection[0], *(ctypes.addressof(text) for text in given))
        error = self.library.chdb_result_error(result)
        length = self.library.chdb_result_length(result)
        answer = ctypes.string_at(self.library.chdb_result_buffer(result), length) if length and not error else b""
        self.library.chdb_destroy_query_result(result)
        return answer.decode(errors="replace"), (error or b"").decode(errors="replace")


def main(library, store, rights):
    asked = json.load(sys.stdin)
    wrong = 0
    with tempfile.TemporaryDirectory() as directory:
        users_file = Path(directory, "users.xml")
        users_file.write_text(users(Path(rights).read_text()))
        configuration = Path(directory, "config.xml")
        configuration.write_text(element("clickhouse", element("users_config", users_file)))
        engine = Engine(library, store, configuration)
        # A server would do this at the sign-in.
        engine.query("USE " + re.search(r"DEFAULT DATABASE (\w+)", Path(rights).read_text()).group(1))
        for title, sql in asked["answered"].items():
            answer, error = engine.query(sql)
            if not answer:
                wrong += 1
                print(f"not answered: {title}: {error or 'no rows'}")
        for sql, expected in asked["refused"].items():
            answer, error = engine.query(sql)
            if f"({expected})" not in error:
                wrong += 1
                print(f"not refused with {expected}: {sql}: {error or answer[:200]}")
        # Last, because nothing is answered after it.
        for _ in range(1000):
            _, error = engine.query("SELECT * FROM numbers(1)")
            if error:
                break
        if "(QUOTA_EXCEEDED)" not in error:
            wrong += 1
            print(f"the quota did not end a thousand queries in a minute: {error}")
    print(f"{len(asked['answered'])} answered, {len(asked['refused'])} refused, {wrong} of them otherwise than expected")
    sys.stdout.flush()
    # The library's threads do not outlive an orderly end of the interpreter.
    os._exit(1 if wrong else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
