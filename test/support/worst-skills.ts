/** SKILL.md files of the largest allowed size, each made to take a reader as long as it can. */

/** OpenClaw's own limit of a SKILL.md (bytes). */
export const maxSkillBytes = 256_000;

const room = maxSkillBytes - 40;

/** As often as there is room for, with numbers for `#`. */
function fill(piece: string): string {
  const parts: string[] = [];
  let length = 0;
  for (let i = 0; ; i += 1) {
    const part = piece.replaceAll("#", String(i));
    length += part.length;
    if (length > room) return parts.join("");
    parts.push(part);
  }
}

const repeat = (piece: string): string => piece.repeat(Math.floor(room / piece.length));
const halved = (a: string, b: string): string =>
  a.repeat(Math.floor(room / 2 / a.length)) + b.repeat(Math.floor(room / 2 / b.length));

const bodies: Readonly<Record<string, string>> = {
  "keys, a line each": fill("k#: 1\n"),
  "keys without values": fill("#:\n"),
  "keys in one line": `{${fill("a#: 1, ")}}`,
  "keys of one line without values": `{${fill("a#, ")}}`,
  "one key, very often": fill("k: 1\n"),
  "keys that are structures": fill("? [#]\n: 1\n"),
  "an empty key, very often": fill("? \n: 1\n"),
  "keys below a key": `metadata:\n${fill("  k#: 1\n")}`,
  "blank lines": repeat("\n"),
  comments: fill("# #\n"),
  blanks: `a: ${repeat(" ")}x`,
  "blanks before a line separator": `a:${" ".repeat(room - 10)}x\u2028`,
  "blanks between words": `a: ${repeat("x ")}`,
  tabs: `a: x${repeat("\t")}y`,
  "lists in lists": `a: ${repeat("[")}`,
  "closed lists in lists": `a: ${halved("[", "]")}`,
  "mappings in mappings": `a: ${halved("{a: ", "}")}`,
  "lists that a line begins": `a:\n${repeat("- ")}x`,
  "keys that a line begins": repeat("? "),
  "ever deeper lines": Array.from({ length: 680 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"),
  "a long line of many": `a:\n  b: |\n${repeat("    x\n")}`,
  "a folded text": `a: >\n${repeat("  x\n\n")}`,
  "a plain text of many lines": `a: x\n${repeat("  y\n")}`,
  "a quoted text of many lines": `a: "x\n${repeat("  y\\n\n")}"`,
  escapes: `a: "${repeat("\\u0041")}"`,
  anchors: fill("a#: &a# x\n"),
  "anchors and aliases": fill("a#: &a# x\nb#: *a#\n"),
  "aliases of one anchor": `a: &a x\n${fill("b#: *a\n")}`,
  "aliases of an empty list": `a: &a [${"[],".repeat(30_000)}]\nb: [${"*a,".repeat(30_000)}]`,
  "ten laughs ten times": [
    "a0: &a0 [[],[]]",
    ...Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(10)}]`),
  ].join("\n"),
  tags: fill("a#: !t# x\n"),
  "directives in the middle": repeat("...\n%YAML 1.2\n"),
  documents: repeat("--- \n"),
  "colons in prose": `description: ${repeat("a: ")}`,
  "prose in error, three times": `description: a: b\nsummary: a: b\nread_when: a: b\n${fill("k#: 1\n")}`,
  "metadata in JSON": `metadata: {${fill('"k#": {"requires": {"bins": ["a"]}}, ').slice(0, -2)}}`,
  "metadata in JSON5, broken": `metadata: '${halved("[", "]").slice(0, -20)}'`,
  "metadata of nested lists": `metadata: '{"openclaw":{"requires":{"bins":${"[".repeat(100_000)}${"]".repeat(100_000)}}}}'`,
  "bins without end": `metadata: '{"openclaw":{"requires":{"bins":"${"a,".repeat(120_000)}"}}}'`,
  "install without end": `metadata: '{"openclaw":{"install":[${'{"kind":"node","package":"a@1"},'.repeat(7000)}{}]}}'`,
  quotes: `a: ${repeat("'")}`,
  "an open quote": `a: "${repeat("x\n")}`,
  "zero bytes": `a: ${repeat("\0")}`,
  "carriage returns": repeat("\r"),
};

export const worstSkills: readonly (readonly [name: string, text: string])[] = [
  ...Object.entries(bodies).map(
    ([name, body]) =>
      [name, `---\nname: x\ndescription: y\n${body.slice(0, room)}\n---\n`] as const,
  ),
  ["fences", "---\n".repeat(64_000)],
  ["fences that are none", `---\n${"---x\n".repeat(51_000)}`],
  ["fences with blanks", `---\n${`---${" ".repeat(500)}x\n`.repeat(500)}`],
  ["one open fence", `---\n${"a".repeat(maxSkillBytes - 4)}`],
];
