"""Finds the packages of a skill in the volume, by the digest of its dependency files.

A part of sitecustomize.py, which executes it for programs of a skill. The rules for these files are those of
src/core/library-set.ts. Only what Python has loaded already is imported, and a module for the digest.
"""
try:
    sha256 = __import__("_sha2" if sys.version_info >= (3, 12) else "_sha256").sha256
except ImportError:
    from hashlib import sha256

_plain = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def add(index, skill, program):
    """Puts the directory of the skill's packages between the standard library and the machine's own packages,
    as in a virtual environment. Their `.pth` files are not executed."""
    digest = None
    if program.endswith(".py") and os.path.isfile(program):  # a pipe could be read only once
        data = read(program, 1048576, 0)
        if b"# /// script" in data:
            _load("script_block.py")
            digest = digest_of_script(data)
    if digest is None:
        if sys.prefix != sys.base_prefix:
            return  # uv has made the environment for something else
        digest = digest_of_files(skill)
    target = os.readlink("%s/%s-%s" % (index, digest, sys.implementation.cache_tag))
    directory = index.rsplit("/", 3)[0] + target[8:]
    if target.startswith("../../../lib/skills/") and target.count("..") == 3 and os.path.isdir(directory):
        library = os.path.dirname(os.__file__)
        for entry in (library + "/lib-dynload", library, sys.path[-1]):
            if entry in sys.path:
                sys.path.insert(sys.path.index(entry) + 1, directory)
                break


def digest_of_files(skill):
    """The digest of the dependency files beside SKILL.md and in scripts/."""
    files = []
    folders = [("", skill)]
    for prefix, folder in folders:
        for entry in os.scandir(folder):
            name = entry.name
            if name == "pyproject.toml" or (
                name[-4:] == ".txt" and name.startswith(("requirements", "constraints")) and _plain.issuperset(name)
            ):
                if entry.is_file(follow_symlinks=False):
                    files.append((prefix + name, entry.path))
            elif name == "scripts" and not prefix and entry.is_dir(follow_symlinks=False):
                folders.append(("scripts/", entry.path))
    if not 0 < len(files) <= 16:
        raise ValueError
    digest = sha256(b"openclaw-libraries 1 python\n")
    for name, path in sorted(files):
        data = read(path, 65536, os.O_NOFOLLOW)
        digest.update(b"%s\n%d\n%s\n" % (name.encode(), len(data), data))
    return digest.hexdigest()


def read(path, limit, flags):
    """The bytes of a file. Does not wait where it is a pipe."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | flags), "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError
    return data
