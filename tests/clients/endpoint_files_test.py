"""What runs on the endpoint, checked as far as it can be without Windows.

The PowerShell script is parsed with tree-sitter's PowerShell grammar; the configurations of Winlogbeat,
Vector and Fluent Bit are read as YAML and must name the gateway's paths, the four event logs and no secret.

Usage: endpoint_files_test.py INGEST_AGENTS_FOLDER
"""

import pathlib
import sys

import tree_sitter_powershell
import yaml
from tree_sitter import Language, Parser

CHANNELS = {
    "System",
    "Setup",
    "Application",
    "Microsoft-Windows-WindowsUpdateClient/Operational",
}
PARSER = Parser(Language(tree_sitter_powershell.language()))


def errors(source: bytes) -> list[str]:
    """Lines of what the grammar cannot read."""
    found = []

    def walk(node):
        if node.type == "ERROR" or node.is_missing:
            text = source[node.start_byte : node.end_byte][:80]
            found.append(f"line {node.start_point.row + 1}: {text!r}")
        for child in node.children:
            walk(child)

    walk(PARSER.parse(source).root_node)
    return found


def commands(source: bytes) -> set[str]:
    """Names of the commands that are called."""
    found = set()

    def walk(node):
        if node.type == "command_name":
            found.add(source[node.start_byte : node.end_byte].decode())
        for child in node.children:
            walk(child)

    walk(PARSER.parse(source).root_node)
    return found


def check_script(folder: pathlib.Path) -> None:
    source = (folder / "Collect-PatchState.ps1").read_bytes()
    assert not errors(source), errors(source)
    # The check itself: a brace that is missing is seen.
    assert errors(source.replace(b"finally {", b"finally ", 1))
    # Windows PowerShell 5.1 reads a file without byte order mark in the device's code page.
    assert source.isascii()
    called = commands(source)
    defined = {line.split()[1].split("(")[0] for line in source.decode().splitlines() if line.startswith("function ")}
    assert defined and defined <= called | {"New-Bundle"}, defined - called
    later = {"ConvertFrom-SddlString", "Get-Error", "Test-Json", "Join-String", "Import-Module", "Install-Module"}
    assert not called & later, called & later
    for operator in (b" ?? ", b"?.", b" && ", b" || "):
        assert operator not in source, f"{operator!r} is not in PowerShell 5.1"
    for channel in CHANNELS:
        assert channel.encode() in source, channel


def check_configurations(folder: pathlib.Path) -> None:
    winlogbeat = yaml.safe_load((folder / "winlogbeat.yml").read_text())
    assert {log["name"] for log in winlogbeat["winlogbeat.event_logs"]} == CHANNELS
    output = winlogbeat["output.elasticsearch"]
    assert all(host.endswith("/ingest/v1/winlogbeat") for host in output["hosts"])
    assert output["password"] == "${PATCHLENS_TOKEN}"
    assert [key for key in winlogbeat if key.startswith("output.")] == ["output.elasticsearch"]

    vector = yaml.safe_load((folder / "vector.yaml").read_text())
    sink = vector["sinks"]["patchlens"]
    assert sink["uri"].endswith("/ingest/v1/winlogbeat")
    assert sink["auth"] == {"strategy": "bearer", "token": "${PATCHLENS_TOKEN}"}
    assert set(sink["inputs"]) <= set(vector["sources"])
    assert sink["buffer"]["when_full"] == "block"
    # One request stays below the size of one document batch that the gateway takes at once.
    assert sink["batch"]["max_bytes"] <= 1 << 20

    fluent_bit = yaml.safe_load((folder / "fluent-bit.yaml").read_text())
    (events,) = fluent_bit["pipeline"]["inputs"]
    assert set(events["channels"].split(",")) == CHANNELS
    (http,) = fluent_bit["pipeline"]["outputs"]
    assert http["uri"] == "/ingest/v1/winlogbeat" and http["tls"]
    assert http["header"] == "Authorization Bearer ${PATCHLENS_TOKEN}"


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    check_script(folder)
    check_configurations(folder)
    print("endpoint files: ok")


if __name__ == "__main__":
    main()
