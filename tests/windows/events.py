"""What a local event log holds, for comparison: one line per event or reject.

events.py LOG            device, identity, place and text of each, sorted, each once
events.py LOG --steps    the numbers of the smoke test's lines, sorted; a line with two identities shows twice
events.py --inspect A B  compares two JSON reports of `inspect` but for their paths
"""

import json
import re
import sqlite3
import sys


def messages(path):
    log = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for (payload,) in log.execute("SELECT payload FROM message ORDER BY message_id"):
        for line in payload.splitlines():
            if line.strip():
                yield json.loads(line)


def told(message):
    message.pop("collected_at", None)
    message.pop("rejected_at", None)
    return json.dumps(message, sort_keys=True, ensure_ascii=True)


def files(path):
    with open(path, encoding="utf-8") as report:
        found = json.load(report)["files"]
    for file in found:
        # Windows writes the path of the bundle itself with its own separator.
        file["path"] = re.split(r"[\\/]", file["path"])[-1]
    return found


if sys.argv[1] == "--inspect":
    first, second = files(sys.argv[2]), files(sys.argv[3])
    assert first == second, "the reports differ"
    print(f"   {len(first)} files, alike")
elif sys.argv[2:] == ["--steps"]:
    steps = {}
    for message in messages(sys.argv[1]):
        step = re.search(r"step (\d+) of the smoke test", str(message.get("message", "")))
        if step:
            steps[message["event_id"]] = int(step[1])
    print("\n".join(map(str, sorted(steps.values()))))
else:
    print("\n".join(sorted({told(message) for message in messages(sys.argv[1])})))
