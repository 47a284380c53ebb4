/** The scripts of a skill, and what lies beside them. */
export interface Scripts {
  readonly plainScripts: ReadonlyMap<string, Uint8Array>;
  /** Names in the directories of scripts, without `.py`: modules of the skill itself. */
  readonly modules: ReadonlySet<string>;
}

/** Of Python 3.11 to 3.14. */
const standardLibrary = new Set(
  (
    "abc aifc annotationlib antigravity argparse array ast asynchat asyncio asyncore atexit " +
    "audioop base64 bdb binascii bisect builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd " +
    "code codecs codeop collections colorsys compileall compression concurrent configparser " +
    "contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal " +
    "difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl " +
    "filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext " +
    "glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib imghdr imp importlib " +
    "inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox " +
    "mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis " +
    "nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib pdb " +
    "pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile " +
    "pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline " +
    "reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal " +
    "site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants " +
    "sre_parse ssl stat statistics string stringprep struct subprocess sunau symtable sys " +
    "sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap this threading time " +
    "timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo " +
    "types typing unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser " +
    "winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo " +
    ""
  ).split(" "),
);

const dotted = String.raw`[A-Za-z_]\w*(?:\.\w+)*(?:\s+as\s+\w+)?`;
const importLine = new RegExp(
  String.raw`^\s*(?:import\s+(${dotted}(?:\s*,\s*${dotted})*)\s*(?:#.*)?$|from\s+([A-Za-z_][\w.]*)\s+import\s)`,
  "gm",
);

const specifier = String.raw`\s*["']([^"'\s]+)["']`;
/** `import … from "x"`, over several lines too, `export … from "x"` and `import "x"`, but for types. */
const importStatement = new RegExp(
  String.raw`^[ \t]*(?:import(?!\s+type\s)|export)\b(?:[\w$*{},\s]*?\bfrom)?${specifier}`,
  "gm",
);
/** The first `require("x")` or `import("x")` of each line that is no comment. */
const importCall = new RegExp(
  String.raw`^(?!\s*(?:\/[/*]|\*)).*?\b(?:require|import)\(${specifier}\s*\)`,
  "gm",
);

/**
 * npm packages that a skill's Node scripts import, sorted; `isBuiltin`: Node itself has a module. A guess: for
 * hints.
 */
export function importedPackages(
  scripts: Iterable<Uint8Array>,
  isBuiltin: (name: string) => boolean,
): string[] {
  const texts = [...scripts].map((bytes) => Buffer.from(bytes).toString("utf8"));
  const specifiers = texts.flatMap((text) =>
    [importStatement, importCall].flatMap((form) => [...text.matchAll(form)].map(([, it]) => it)),
  );
  const names = specifiers.flatMap((it = "") => {
    if (isBuiltin(it)) return [];
    return /^(?:@[a-z0-9][\w.~-]*\/)?[a-z0-9][\w.~-]*(?=\/|$)/i.exec(it) ?? [];
  });
  return [...new Set(names)].sort();
}

/** Modules that a skill's Python scripts import and that neither Python nor the skill has, sorted. A guess: for hints. */
export function foreignImports({ plainScripts, modules }: Scripts): string[] {
  const found = new Set<string>();
  for (const bytes of plainScripts.values()) {
    for (const [, list, from] of Buffer.from(bytes).toString("utf8").matchAll(importLine)) {
      for (const each of (from ?? list ?? "").split(",")) found.add(/\w+/.exec(each)?.[0] ?? "");
    }
  }
  return [...found].filter((name) => !standardLibrary.has(name) && !modules.has(name)).sort();
}
