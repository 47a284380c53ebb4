"""Imports every module of the distributions that are named, and says as JSON what it found."""

import importlib
import json
import sys
from importlib import metadata

NOT_FOR_USERS = {"tests", "test", "docs", "examples", "scripts", "benchmarks"}


def modules_of(distribution):
    """Its own modules; in a namespace package those below it."""
    files = [file.parts for file in distribution.files or []]
    packages = {parts[:-1] for parts in files if parts[-1] == "__init__.py"}
    tops = {one for one in packages if not any(one[:n] in packages for n in range(1, len(one)))}
    single = {(parts[0].split(".")[0],) for parts in files if len(parts) == 1 and parts[0].endswith((".py", ".so"))}
    named = [one for one in tops | single if one and all(part.isidentifier() for part in one)]
    return sorted(".".join(one) for one in named if one[0][0] != "_" and one[0] not in NOT_FOR_USERS)


def probe(name):
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return {"error": "it is not installed"}
    modules = modules_of(distribution)
    try:
        for module in modules:
            importlib.import_module(module)
    except BaseException as error:  # a module may even end the process
        return {"error": f"{type(error).__name__}: {error}".split("\n")[0]}
    if not modules:
        return {"error": "it has no module"}
    return {"version": distribution.version, "from": str(distribution.locate_file(""))}


print("\n" + json.dumps({name: probe(name) for name in sys.argv[1:]}))
