"""Checks the syntax of PowerShell scripts: powershell_syntax_test.py SCRIPT...

The grammar is that of tree-sitter. It knows nothing of commands and their parameters, so beside it
only what Windows PowerShell 5.1 does not have is looked for, and names that mean another variable
than they seem to.
"""

import re
import sys

import tree_sitter_powershell
from tree_sitter import Language, Parser

# Operators and parameters that came with PowerShell 6 and 7.
TOO_NEW = [
    (re.compile(r"\?\?"), "the null-coalescing operator"),
    (re.compile(r"(?<![|&])\|\|(?!\|)|(?<!&)&&(?!&)"), "a pipeline chain"),
    (re.compile(r"-(?:MaximumRetryCount|RetryIntervalSec|SkipCertificateCheck|Authentication|Token)\b"), "a parameter of Invoke-WebRequest"),
    (re.compile(r"ForEach-Object\s+-Parallel"), "ForEach-Object -Parallel"),
    (re.compile(r"(?i)utf8NoBOM"), "the encoding utf8NoBOM"),
    (re.compile(r"(?m)\.ToString\('[^']*(?:yyyy|HH|MM)[^']*'\)"), "a date by the device's culture (pass InvariantCulture):"),
    (re.compile(r"(?m)^\s*(?:Import-Module|Install-Module|#Requires -Modules)"), "a module"),
]


def nodes(root, kind):
    """All nodes of a kind below `root`."""
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == kind:
            yield node
        stack.extend(node.children)


def shadowed(root) -> list[str]:
    """Variables that a block finds in the function that runs it, instead of where it was written.

    PowerShell looks a name up in the callers, and knows no capitals: in a function with a parameter $Work that runs a
    block, the block's own $work is that parameter.
    """
    runners = {}
    for function in nodes(root, "function_statement"):
        parameters = [parameter.text.decode() for parameter in nodes(function, "script_parameter")]
        if any("[scriptblock]" in parameter.lower() for parameter in parameters):
            for parameter in parameters:
                runners[parameter.split("$")[-1].split()[0].lower()] = function
    found = []
    for variable in nodes(root, "variable"):
        name = variable.text.decode().lstrip("$@").lower()
        function = runners.get(name)
        if function and not function.start_byte <= variable.start_byte < function.end_byte:
            line = variable.start_point[0] + 1
            found.append(f"line {line}: ${name} is also a parameter of a function that runs blocks")
    return found


def problems(text: bytes) -> list[str]:
    root = Parser(Language(tree_sitter_powershell.language())).parse(text).root_node
    found = shadowed(root)
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "ERROR" or node.is_missing:
            line = node.start_point[0] + 1
            found.append(f"line {line}: {text[node.start_byte:node.end_byte][:80]!r}")
        stack.extend(node.children)
    code = re.sub(rb"(?s)<#.*?#>", b"", text).decode("utf-8")
    code = re.sub(r"(?m)^\s*#.*$", "", code)
    found.extend(f"{name} is not in PowerShell 5.1" for pattern, name in TOO_NEW if pattern.search(code))
    if any(byte > 0x7F for byte in text):
        found.append("PowerShell 5.1 reads a script without a mark in the device's code page: keep to ASCII")
    return found


def main() -> int:
    # A script that is wrong must be seen to be wrong.
    assert problems(b"if ($x { Write-Output 1 }"), "a missing bracket is not found"
    assert problems(b"$a = $b ?? 1"), "an operator of PowerShell 7 is not found"
    assert problems(b"function Step([scriptblock] $Work) { & $Work }\n$work = 1\nStep { $work + 1 }"), "a shadowed variable is not found"
    failed = 0
    for path in sys.argv[1:]:
        with open(path, "rb") as script:
            for problem in problems(script.read()):
                print(f"{path}: {problem}")
                failed = 1
    if not failed:
        print(f"{len(sys.argv) - 1} scripts parsed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
