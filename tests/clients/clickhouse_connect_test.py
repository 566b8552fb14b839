"""An independent client against the embedded ClickHouse endpoint.

Usage: clickhouse_connect_test.py http://127.0.0.1:8123 WRITER-PASSWORD

Each function is one promise of the endpoint. It exits with 1 at the first that is not kept.
"""

import datetime as dt
import sys
from urllib.parse import urlparse

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.exceptions import DatabaseError

DATABASE = "python_client"
UTC = dt.timezone.utc


def client(url, **settings):
    address = urlparse(url)
    login = {"username": "patchlens", "password": sys.argv[2], **settings}
    return clickhouse_connect.get_client(host=address.hostname, port=address.port, **login)


def analyst(url, **settings):
    """Without a name and a password: who asks so reads."""
    return client(url, username="default", password="", **settings)


def create_insert_and_query_typed_rows(url):
    with client(url, database=DATABASE) as c:
        c.command(
            "CREATE TABLE typed (n UInt32, s String, l LowCardinality(String), t DateTime64(6, 'UTC'),"
            " o Nullable(Int64), a Array(UInt32)) ENGINE = MergeTree ORDER BY n"
        )
        rows = [
            [n, f"row {n} ü '\\\n\x00", "ab"[n % 2], dt.datetime(2024, 8, 20, 1, 2, 3, n % 1000000, UTC), None if n % 3 else -n, [n, n + 1]]
            for n in range(100_000)
        ]
        summary = c.insert("typed", rows, column_names=["n", "s", "l", "t", "o", "a"])
        assert summary.written_rows == len(rows), summary.summary
        back = c.query("SELECT * FROM typed ORDER BY n").result_rows
        assert len(back) == len(rows)
        for sent, found in zip(rows, back):
            assert tuple(sent) == (*found[:3], found[3].replace(tzinfo=UTC), *found[4:]), (sent, found)


def bind_parameters_on_the_server(url):
    with client(url) as c:
        hostile = "it's; DROP TABLE x -- \\ \t\n"
        found = c.query("SELECT {a:String}, {b:Array(UInt32)}, {c:DateTime}", parameters={"a": hostile, "b": [1, 2], "c": dt.datetime(2024, 8, 20)})
        assert found.result_rows[0][:2] == (hostile, [1, 2]), found.result_rows
        with client(url, form_encode_query_params=True) as form:
            assert form.query("SELECT {a:String}", parameters={"a": hostile}).result_rows == [(hostile,)]


def report_errors_with_their_codes(url):
    with client(url) as c:
        for sql, code in [("SELECT * FROM no_such_table", 60), ("SELEC 1", 62), ("SELECT throwIf(1)", 395), ("USE no_such_database", 81)]:
            try:
                c.command(sql)
            except DatabaseError as error:
                assert error.code == code, (sql, error.code, str(error))
            else:
                raise AssertionError(f"{sql} was not refused")


def report_an_error_in_mid_stream(url):
    with client(url) as c:
        seen = 0
        try:
            with c.query_row_block_stream("SELECT number, throwIf(number = 3000000) FROM numbers(4000000)") as blocks:
                for block in blocks:
                    seen += len(block)
        except Exception as error:
            assert "395" in str(error) or "throwIf" in str(error), repr(error)
        else:
            raise AssertionError(f"the error in mid-stream went unnoticed after {seen} rows")


def compress_both_ways(url):
    for method in ["lz4", "zstd", "gzip", False]:
        with client(url, database=DATABASE, compress=method) as c:
            c.command("CREATE OR REPLACE TABLE compressed (n UInt32, s String) ENGINE = MergeTree ORDER BY n")
            c.insert("compressed", [[n, "x" * 200] for n in range(20_000)], column_names=["n", "s"])
            assert c.query("SELECT sum(n), uniqExact(s) FROM compressed").result_rows == [(199_990_000, 1)], method
            assert len(c.query("SELECT * FROM compressed").result_rows) == 20_000, method


def insert_and_query_arrow(url):
    with client(url, database=DATABASE) as c:
        c.command("CREATE TABLE arrow (n UInt32, s String, o Nullable(UInt32)) ENGINE = MergeTree ORDER BY n")
        table = pa.table({"n": pa.array(range(300_000), pa.uint32()), "s": [f"s{n}" for n in range(300_000)], "o": pa.array([None, 1, 2] * 100_000, pa.uint32())})
        c.insert_arrow("arrow", table)
        back = c.query_arrow("SELECT * FROM arrow ORDER BY n", use_strings=True)
        assert back.num_rows == 300_000
        for name in ["n", "s", "o"]:
            assert back.column(name).to_pylist() == table.column(name).to_pylist(), name
        with c.query_arrow_stream("SELECT n FROM arrow") as batches:
            assert sum(batch.num_rows for batch in batches) == 300_000


def stream_more_than_fits_one_block(url):
    with client(url) as c:
        with c.query_row_block_stream("SELECT number FROM numbers(2000000)") as blocks:
            assert sum(len(block) for block in blocks) == 2_000_000


def keep_a_session(url):
    with client(url, session_id="python-session") as c:
        c.command("CREATE TEMPORARY TABLE mine (a UInt8)")
        c.insert("mine", [[1], [2]], column_names=["a"])
        assert c.query("SELECT sum(a) FROM mine").result_rows == [(3,)]


def use_settings_and_raw_formats(url):
    with client(url, settings={"max_threads": 1}) as c:
        assert c.query("SELECT getSetting('max_threads')").result_rows == [(1,)]
        assert c.raw_query("SELECT 1 AS a", fmt="JSONEachRow") == b'{"a":1}\n'
        c.command(f"CREATE TABLE {DATABASE}.raw (a UInt8) ENGINE = MergeTree ORDER BY a")
        c.raw_insert(f"{DATABASE}.raw", ["a"], b"1\n2\n", fmt="CSV")
        assert c.query(f"SELECT groupArray(a) FROM {DATABASE}.raw").result_rows == [([1, 2],)]
        assert c.ping() and c.server_version


def read_as_an_analyst_without_a_password(url):
    with analyst(url, database=DATABASE) as c:
        assert c.query("SELECT sum(n), uniqExact(s) FROM compressed").result_rows == [(199_990_000, 1)]
        assert c.query("SELECT {a:String}, {t:Array(UInt8)}", parameters={"a": "it's", "t": [1]}).result_rows == [("it's", [1])]
        assert c.query_arrow("SELECT n FROM arrow LIMIT 7").num_rows == 7
        assert len(c.query("SELECT number FROM numbers(200000)").result_rows) == 200_000
        for sql, code in [
            ("CREATE TABLE mine (a UInt8) ENGINE = Memory", 164),
            ("CREATE TEMPORARY TABLE mine (a UInt8)", 164),
            ("DROP TABLE compressed", 164),
            ("SELECT * FROM url('http://127.0.0.1:1', CSV)", 497),
            ("SELECT file('/etc/passwd')", 497),
            ("SELECT * FROM no_such_table", 60),
        ]:
            try:
                c.command(sql)
            except DatabaseError as error:
                assert error.code == code, (sql, error.code, str(error))
            else:
                raise AssertionError(f"{sql} was not refused")
        try:
            c.insert("compressed", [[1, "x"]], column_names=["n", "s"])
        except DatabaseError as error:
            assert error.code == 164, str(error)
        else:
            raise AssertionError("an analyst inserted")
    for method in ["lz4", "zstd", "gzip"]:
        with analyst(url, database=DATABASE, compress=method) as c:
            assert len(c.query("SELECT * FROM compressed").result_rows) == 20_000, method


def main():
    url = sys.argv[1]
    with client(url) as c:
        c.command(f"DROP DATABASE IF EXISTS {DATABASE}")
        c.command(f"CREATE DATABASE {DATABASE}")
    for promise in [
        create_insert_and_query_typed_rows,
        bind_parameters_on_the_server,
        report_errors_with_their_codes,
        report_an_error_in_mid_stream,
        compress_both_ways,
        insert_and_query_arrow,
        stream_more_than_fits_one_block,
        keep_a_session,
        use_settings_and_raw_formats,
        read_as_an_analyst_without_a_password,
    ]:
        promise(url)
        print("ok", promise.__name__)


if __name__ == "__main__":
    main()
