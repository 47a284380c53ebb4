"""Finds the packages of a skill in the volume, by the digest of its dependency files.

The rules for these files are those of src/core/library-set.ts. Only what Python has loaded already is imported,
and a module for the digest: this runs at the start of every script of a skill.
"""
import os
import stat
import sys

try:
    from _sha2 import sha256
except ImportError:
    try:
        from _sha256 import sha256
    except ImportError:
        from hashlib import sha256

_plain = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def add(index, skill, program):
    """Puts the directory of the skill's packages between the standard library and the machine's own packages,
    as in a virtual environment. Their `.pth` files are not executed."""
    digest = _of_script(program) if program.endswith(".py") else None
    if digest is None and sys.prefix != sys.base_prefix:
        return  # uv has made the environment for something else
    name = "%s-%s" % (digest or _of_files(skill), sys.implementation.cache_tag)
    above, tree = os.readlink(os.path.join(index, name)).split("lib/skills/")
    if above != "../../../" or ".." in tree.split("/"):
        return
    volume = os.path.dirname(os.path.dirname(os.path.dirname(index)))
    directory = os.path.join(volume, "lib/skills", tree)
    if os.path.isdir(directory):
        library = os.path.dirname(os.__file__)
        own = [at for at, entry in enumerate(sys.path) if entry in (library, library + "/lib-dynload")]
        sys.path.insert(own[-1] + 1 if own else len(sys.path), directory)


def _of_files(skill):
    """The digest of the dependency files beside SKILL.md and in scripts/."""
    files = dict(_dependency_files(skill, ""))
    if stat.S_ISDIR(_mode(skill + "/scripts")):
        files.update(_dependency_files(skill + "/scripts", "scripts/"))
    if not 0 < len(files) <= 16:
        raise ValueError
    digest = sha256(b"openclaw-libraries 1 python\n")
    for name in sorted(files):
        data = _read(files[name], 65536, os.O_NOFOLLOW)
        digest.update(b"%s\n%d\n%s\n" % (name.encode(), len(data), data))
    return digest.hexdigest()


def _dependency_files(directory, prefix):
    for count, name in enumerate(os.listdir(directory)):
        if name == "pyproject.toml" or (
            name[-4:] == ".txt" and name.startswith(("requirements", "constraints")) and _plain.issuperset(name)
        ):
            path = os.path.join(directory, name)
            if stat.S_ISREG(_mode(path)):
                yield prefix + name, path


def _mode(path):
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0


def _read(path, limit, flags=0):
    """The bytes of a regular file. Does not wait where it is something else."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise ValueError
        data = piece = os.read(file, limit + 1)
        while piece and len(data) <= limit:
            piece = os.read(file, limit + 1 - len(data))
            data += piece
    finally:
        os.close(file)
    if len(data) > limit:
        raise ValueError
    return data


def _of_script(path):
    """The digest of a script's only `# /// script` block; None if there is none, or it declares no packages."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        return None  # a pipe could be read only once
    data = _read(path, 1048576)
    if b"# /// script" not in data:
        return None
    blocks = []
    lines = iter(data.replace(b"\r\n", b"\n").split(b"\n"))
    for line in lines:
        if line == b"# /// script":
            block = [line]
            for line in lines:
                if line != b"#" and line[:2] != b"# ":
                    break
                block.append(line)
            while len(block) > 1 and block[-1] != b"# ///":
                block.pop()
            if len(block) > 2:
                blocks.append(block)
    if len(blocks) != 1:
        return None
    settings = [line.lstrip(b"# ").replace(b" ", b"") for line in blocks[0]]
    if b"dependencies=[]" in settings or not any(line.startswith(b"dependencies=") for line in settings):
        return None
    return sha256(b"openclaw-libraries 1 script\n%s\n" % b"\n".join(blocks[0])).hexdigest()
