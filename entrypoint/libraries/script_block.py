"""Reads a script's inline metadata. A part of sitecustomize.py, which executes it for scripts that have some."""


def digest_of_script(data):
    """The digest of a script's only `# /// script` block; None if there is none, or it declares no packages."""
    blocks = []
    start = 3 if data[:3] == b"\xef\xbb\xbf" else 0
    lines = iter(data[start:].replace(b"\r\n", b"\n").split(b"\n"))
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
