"""Lets the scripts of an OpenClaw skill import the packages that their skill declares.

Python imports this module at each start if PYTHONPATH names this directory. It is short, because no bytecode of it
may be kept (the file __pycache__ keeps Python from writing some into a published tree): to compile it takes longer
than all that it does. So everything that not every start needs is in a file of its own.
"""
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
_index = os.path.join(os.path.dirname(_here), "libraries")


def _find_skill(program):
    """The folder with SKILL.md around the program, or for -c, -m and standard input around the working directory."""
    is_own = sys.prefix == sys.base_prefix or os.path.basename(os.path.dirname(sys.prefix))[:13] == "environments-"
    if not is_own or sys.abiflags or not os.path.isdir(_index):
        return None  # a virtual environment, but for uv's of a script; debug and free-threaded builds
    start = os.path.realpath(program if os.path.isdir(program) else os.path.dirname(program))
    for start in (start, os.path.dirname(os.path.realpath(program))) if os.path.islink(program) else (start,):
        for _ in range(7):
            if os.path.isfile(start + "/SKILL.md"):
                return start
            start = os.path.dirname(start)
    return None


def _load(name):
    """Executes a file beside this one; to import it would cost more."""
    with open(_here + "/" + name, "rb") as file:
        exec(file.read(), globals())


try:
    _program = "" if sys.argv[0] in ("-", "-c", "-m") else sys.argv[0]
    _skill = _find_skill(_program)
    if _skill:
        _load("skill_packages.py")
        add(_index, _skill, _program)
except Exception:  # Python starts, whatever a skill's folder holds
    pass

# The module that would have been imported without this one.
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _here]
for _finder in sys.meta_path:
    _spec = _finder.find_spec("sitecustomize", None) if hasattr(_finder, "find_spec") else None
    if _spec and _spec.loader:
        from _frozen_importlib import module_from_spec

        sys.modules["sitecustomize"] = module_from_spec(_spec)
        _spec.loader.exec_module(sys.modules["sitecustomize"])
        break
