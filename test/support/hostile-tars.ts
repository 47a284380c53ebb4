import { evil, evilPath, type Hostile, tarWith, tool } from "./hostile-entry.ts";
import { gnuLong, pax, type TarFields, tarBytes, tarEntry } from "./tar-bytes.ts";

const up = "../".repeat(12);

function refused(name: string, why: RegExp, ...entries: (TarFields | Buffer)[]): Hostile {
  return {
    name: `tar: ${name}`,
    format: "tar",
    refused: why,
    bytes: () => tarWith(...all(entries)),
  };
}

function unpacked(
  name: string,
  tree: Readonly<Record<string, string>>,
  ...entries: (TarFields | Buffer)[]
): Hostile {
  return { name: `tar: ${name}`, format: "tar", tree, bytes: () => tarWith(...all(entries)) };
}

function all(entries: readonly (TarFields | Buffer)[]): Buffer[] {
  return entries.map((entry) => (Buffer.isBuffer(entry) ? entry : tarEntry(entry)));
}

const file = (name: string, body = "x"): TarFields => ({ name, body });
const directory = (name: string, mode = 0o755): TarFields => ({ name, type: "5", mode });
const link = (name: string, linkname: string): TarFields => ({ name, type: "2", linkname });
const hardlink = (name: string, linkname: string): TarFields => ({ name, type: "1", linkname });

const outside = /leads out of the tree/;
const linksOut = /links out of the tree/;

/** Tars that try to write elsewhere: by their names, through links, by entries that are no files. */
export const hostileTars: readonly Hostile[] = [
  refused("..", outside, file(`${up}${evil}`)),
  refused(".. in the middle", outside, file(`a/../../${evil}`)),
  refused(".. as a directory", outside, directory("a/..")),
  refused("absolute", /absolute path/, file(evilPath)),
  refused("absolute, twice", /absolute path/, file(`//${evilPath}`)),
  refused("absolute directory", /absolute path/, directory(`${evilPath}/`)),
  refused("absolute by its prefix", /absolute path/, { ...file(evil), prefix: "/tmp" }),
  refused(".. by its prefix", outside, { ...file(evil), prefix: `${up}tmp` }),
  refused(".. by pax", outside, pax({ path: `${up}${evil}` }), file("harmless")),
  refused("absolute by pax", /absolute path/, pax({ path: evilPath }), file("harmless")),
  refused(".. by a GNU long name", outside, gnuLong("L", `${up}${evil}`), file("harmless")),
  {
    name: "tar: .. that strip would bring to the front",
    format: "tar",
    strip: 1,
    refused: outside,
    bytes: () =>
      tarBytes(tarEntry({ ...tool, name: "top/bin/tool" }), tarEntry(file(`top/../${evil}`))),
  },
  {
    name: "tar: a link that strip moves outwards",
    format: "tar",
    strip: 1,
    tree: {},
    bytes: () =>
      tarBytes(tarEntry({ ...tool, name: "top/bin/tool" }), tarEntry(link("top/l", "../x"))),
  },
  refused("a link out", linksOut, link("l", "../..")),
  refused("a link out, deeper", linksOut, link("a/b/l", "../../../x")),
  unpacked("an absolute link is left out", {}, link("l", "/etc/passwd")),
  refused(
    "a file through an absolute link",
    /through the link/,
    link("l", "/tmp"),
    file(`l/${evil}`),
  ),
  refused("a file over an absolute link", /replace a link/, link("l", evilPath), file("l")),
  unpacked("a hard link to an absolute link", {}, link("l", "/etc/passwd"), hardlink("h", "l")),
  refused("a link out by pax", linksOut, pax({ linkpath: `${up}etc` }), link("l", "bin")),
  refused("a link out by a GNU long target", linksOut, gnuLong("K", `${up}etc`), link("l", "bin")),
  refused("a link without a target", /link to nothing/, link("l", "")),
  refused(
    "links that lead out together",
    /through other links/,
    link("a/b/l", "../.."),
    link("c/m", "../a/b/l/.."),
  ),
  refused(
    "a chain of links that leads out",
    /through other links/,
    link("a/b/one", "../.."),
    link("two", "a/b/one"),
    link("three", "two/../x"),
  ),
  refused("a file through a link", /through the link/, directory("d"), link("l", "d"), file("l/x")),
  refused("a file through a link to ..", linksOut, link("l", ".."), file(`l/${evil}`)),
  refused("a directory through a link", /through the link/, link("l", "bin"), directory("l/d")),
  refused("a link through a link", /through the link/, link("l", "bin"), link("l/m", "tool")),
  refused("a file over a link", /replace a link/, link("l", "bin/tool"), file("l")),
  refused("a link over a directory", /replace a directory/, directory("d"), link("d", "bin")),
  refused("a file over a directory", /replace a directory/, directory("d"), file("d")),
  refused("a directory over a file", /below the file/, file("f"), directory("f")),
  refused("a file below a file", /below the file/, file("f"), file("f/g")),
  refused("a link that changes its target", /replace a link/, link("l", "bin"), link("l", "d")),
  refused("a hard link out", outside, hardlink("h", `${up}etc/passwd`)),
  refused("an absolute hard link", /absolute path/, hardlink("h", "/etc/passwd")),
  refused(
    "a hard link out by pax",
    outside,
    pax({ linkpath: `${up}etc/passwd` }),
    hardlink("h", "bin/tool"),
  ),
  refused("a hard link to nothing", /not a file of the archive/, hardlink("h", "never")),
  unpacked(
    "hard links to what comes later",
    { h: "644 x", i: "644 x", later: "644 x" },
    hardlink("i", "h"),
    hardlink("h", "later"),
    file("later"),
  ),
  refused("a file below a hard link", /below the file/, hardlink("h", "later"), file("h/x")),
  unpacked(
    "a file instead of a hard link",
    { h: "644 x", later: "644 y" },
    hardlink("h", "later"),
    file("h"),
    file("later", "y"),
  ),
  refused("hard links in a circle", /not a file of/, hardlink("a", "b"), hardlink("b", "a")),
  refused(
    "a hard link to a directory",
    /not a file of the archive/,
    directory("d"),
    hardlink("h", "d"),
  ),
  refused("a hard link to a link out", linksOut, link("a/b/l", "../../x"), hardlink("h", "a/b/l")),
  refused("a hard link through a link", /not a file of/, link("l", "bin"), hardlink("h", "l/tool")),
  refused("a character device", /character device/, { name: "null", type: "3" }),
  refused("a block device", /block device/, { name: "disk", type: "4" }),
  refused("a fifo", /named pipe/, { name: "pipe", type: "6" }),
  refused("a type that nobody knows", /type "Z", which is not supported/, {
    name: "what",
    type: "Z",
  }),
  unpacked(
    "special bits are dropped",
    {
      suid: "755 x",
      sgid: "755 x",
      sticky: "644 x",
      open: "644 x",
      d: "directory",
      "d/f": "644 x",
    },
    { ...file("suid"), mode: 0o4755 },
    { ...file("sgid"), mode: 0o2755 },
    { ...file("sticky"), mode: 0o1644 },
    { ...file("open"), mode: 0o666 },
    directory("d", 0o7777),
    { ...file("d/f"), mode: 0o000 },
  ),
  unpacked(
    "links that go in circles lead nowhere",
    { one: "-> two", two: "-> one", self: "-> self" },
    link("one", "two"),
    link("two", "one"),
    link("self", "self"),
  ),
  unpacked(
    "a chain of links inside",
    { a: "directory", "a/l": "-> ../bin", m: "-> a/l/tool", n: "-> m" },
    link("a/l", "../bin"),
    link("m", "a/l/tool"),
    link("n", "m"),
  ),
  unpacked(
    "a hard link to a link is that link",
    { l: "-> bin", h: "-> bin" },
    link("l", "bin"),
    hardlink("h", "l"),
  ),
  unpacked("a hard link to itself", {}, hardlink("bin/tool", "bin/tool")),
  unpacked(
    "a file that is replaced lets its other name be",
    { a: "644 new", b: "644 old" },
    file("a", "old"),
    hardlink("b", "a"),
    file("a", "new"),
  ),
];
