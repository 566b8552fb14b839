// @clickhouse/client, from npm, as an analyst of the embedded endpoint: no user, no password.
//
// Usage: node read.mjs http://127.0.0.1:8123 DIRECTORY-WITH-node_modules

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const [url, modules] = process.argv.slice(2);
const { createClient } = createRequire(join(modules, "x.js"))("@clickhouse/client");

async function rows(client, query, more = {}) {
  const answer = await client.query({ query, format: "JSONEachRow", ...more });
  return answer.json();
}

async function refused(client, query, code) {
  await assert.rejects(rows(client, query), (error) => {
    assert.equal(String(error.code), String(code), `${query}: ${error.message}`);
    return true;
  });
}

const promises = {
  async answers_with_and_without_compression() {
    for (const response of [true, false]) {
      const client = createClient({ url, compression: { response, request: false } });
      assert.ok((await client.ping()).success);
      const found = await rows(client, "SELECT number AS n, repeat('x', 100) AS s FROM numbers(50000)");
      assert.equal(found.length, 50000);
      assert.equal(found[49999].s.length, 100);
      await client.close();
    }
  },
  async binds_parameters_on_the_server() {
    const client = createClient({ url });
    const hostile = "it's; DROP TABLE x -- \\ \t\n";
    const query_params = { a: hostile, b: [1, 2], c: null };
    const [row] = await rows(client, "SELECT {a:String} AS a, {b:Array(UInt8)} AS b, {c:Nullable(String)} AS c", { query_params });
    assert.deepEqual(row, { a: hostile, b: [1, 2], c: null });
    await client.close();
  },
  async streams_rows() {
    const client = createClient({ url });
    const answer = await client.query({ query: "SELECT number FROM numbers(300000)", format: "JSONCompactEachRow" });
    let seen = 0;
    for await (const batch of answer.stream()) seen += batch.length;
    assert.equal(seen, 300000);
    await client.close();
  },
  async takes_settings_within_the_limits() {
    const client = createClient({ url, clickhouse_settings: { max_execution_time: 5, output_format_json_quote_64bit_integers: 0 } });
    const [row] = await rows(client, "SELECT toUInt64(7) AS n, getSetting('max_execution_time') AS t");
    assert.equal(row.n, 7);
    assert.equal(Number(row.t), 5);
    await client.close();
  },
  async reports_errors_with_their_codes() {
    const client = createClient({ url });
    await refused(client, "SELECT * FROM no_such_table", 60);
    await refused(client, "SELECT throwIf(1)", 395);
    await refused(client, "SELECT 1 FROM (", 62);
    await client.close();
  },
  async reads_and_no_more() {
    const client = createClient({ url });
    await refused(client, "SELECT file('/etc/passwd')", 497);
    await refused(client, "SELECT * FROM url('http://127.0.0.1:1/', CSV)", 497);
    await refused(client, "SELECT * FROM system.processes", 497);
    for (const query of ["CREATE TABLE mine (a UInt8) ENGINE = Memory", "DROP DATABASE system", "SET readonly = 0"]) {
      await assert.rejects(client.command({ query }), (error) => String(error.code) === "164");
    }
    const insert = client.insert({ table: "system.one", values: [{ dummy: 1 }], format: "JSONEachRow" });
    await assert.rejects(insert, (error) => String(error.code) === "164");
    await client.close();
  },
};

for (const [name, promise] of Object.entries(promises)) {
  await promise();
  console.log("ok", name);
}
