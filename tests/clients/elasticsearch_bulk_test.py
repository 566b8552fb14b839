"""Elastic's own client speaks to the gateway's bulk endpoint.

Usage: elasticsearch_bulk_test.py BASE_URL TOKEN

Winlogbeat, Vector and Fluent Bit speak the same protocol through other code; this client is stricter than they are:
it refuses a server that does not look like Elasticsearch, and reads the answer for every document.
"""

import json
import sys

from elasticsearch import AuthenticationException, Elasticsearch
from elasticsearch.helpers import bulk, streaming_bulk

base, token = sys.argv[1:3]


def document(record_id, **changes):
    """A failed installation as Winlogbeat 8 sends it."""
    event = {
        "@timestamp": "2024-08-20T02:02:43.000Z",
        "host": {"name": "YR-0042"},
        "event": {"code": "20", "provider": "Microsoft-Windows-WindowsUpdateClient", "kind": "event"},
        "log": {"level": "error"},
        "message": "Installation Failure: Windows failed to install the following update with error 0x80073712",
        "winlog": {
            "channel": "System",
            "computer_name": "YR-0042",
            "event_id": "20",
            "provider_name": "Microsoft-Windows-WindowsUpdateClient",
            "record_id": record_id,
            "event_data": {"errorCode": "0x80073712", "updateTitle": "2024-08 Cumulative Update (KB5041580)"},
        },
    }
    event.update(changes)
    return {"_op_type": "create", "_index": "winlogbeat", **event}


def client(secret, **options):
    return Elasticsearch(base, api_key=("branch", secret), request_timeout=30, retry_on_timeout=False, max_retries=0, **options)


elastic = client(token)
assert elastic.info()["cluster_name"] == "patchlens"

# Everything is accepted, also compressed and in several requests.
accepted, errors = bulk(client(token, http_compress=True), (document(n) for n in range(1, 251)), chunk_size=100)
assert (accepted, errors) == (250, []), (accepted, errors)

# What is sent again, in other portions, is the same: only the number tells these documents apart.
accepted, errors = bulk(elastic, (document(n) for n in range(1, 251)), chunk_size=30)
assert (accepted, errors) == (250, []), (accepted, errors)

# What cannot be used is named one by one, and its neighbours are taken.
documents = [document(300), document(301, winlog=None, event=None, host=None, message=None), document(302)]
outcomes = list(streaming_bulk(elastic, documents, raise_on_error=False))
assert [ok for ok, _ in outcomes] == [True, False, True], outcomes
refused = outcomes[1][1]["create"]
assert refused["status"] == 400 and refused["error"]["reason"], refused

# A wrong token is refused as the client expects it.
try:
    client("wrong").info()
    raise SystemExit("a wrong token was accepted")
except AuthenticationException:
    pass

print(json.dumps({"sent": 502, "different": 252, "refused": 1}))
