import { describe, expect, it } from "vitest";
import { parseFrontmatter } from "../../src/core/skills/frontmatter.ts";

function values(text: string): Record<string, string> {
  const front = parseFrontmatter(text);
  if (!front.ok) throw new Error(front.error);
  return Object.fromEntries(front.values);
}

function error(text: string): string {
  const front = parseFrontmatter(text);
  return front.ok ? "" : front.error;
}

describe("the fences", () => {
  it.each([
    ["plain", "---\nname: a\n---\nbody", { name: "a" }],
    ["a byte order mark", "\uFEFF---\nname: a\n---\n", { name: "a" }],
    ["CRLF", "---\r\nname: a\r\n---\r\nbody", { name: "a" }],
    ["CR alone", "---\rname: a\r---\rbody", { name: "a" }],
    ["blanks behind them", "--- \t\nname: a\n---\u00a0\nbody", { name: "a" }],
    ["the last line without a line feed", "---\nname: a\n---", { name: "a" }],
    ["nothing between them", "---\n---\n", {}],
    ["dashes that are no fence", "---\nname: |\n  x\n  ---\n  y\n---\n", { name: "x\n---\ny" }],
    ["a rule in the body", "---\nname: a\n---\nx\n---\ny: z\n---\n", { name: "a" }],
    ["a blank line first", "\n---\nname: a\n---\n", {}],
    ["a blank before the fence", " ---\nname: a\n---\n", {}],
    ["four dashes", "----\nname: a\n---\n", {}],
    ["a second byte order mark", "\uFEFF\uFEFF---\nname: a\n---\n", {}],
    ["an empty file", "", {}],
    ["no front matter", "# Title\n", {}],
  ])("%s", (_case, text, expected) => {
    expect(values(text)).toEqual(expected);
  });

  it.each(["---\nname: a\n", "---\nname: a\n---x\n", "---\nname: a\n ---\n", "---\n"])(
    "without a closing one rejects %j",
    (text) => expect(error(text)).toMatch(/line 1 .*no closing ---/),
  );
});

describe("other languages of front matter", () => {
  it.each(["js", "javascript", " js", "json", "coffee"])("never run: ---%s", (language) => {
    const text = `---${language}\n{"name": globalThis.ran = "${language}"}\n---\n`;
    expect(values(text)).toEqual({});
    expect(globalThis).not.toHaveProperty("ran");
  });
});

describe("values", () => {
  it.each([
    [
      "scalars are trimmed text",
      'a: " x "\nb: 1.0\nc: true\nd: 0x1F',
      { a: "x", b: "1", c: "true", d: "31" },
    ],
    [
      "YAML 1.2: yes, on and dates are text",
      "a: yes\nb: on\nc: 2024-01-01",
      { a: "yes", b: "on", c: "2024-01-01" },
    ],
    ["structures are JSON", "a:\n  b: [1, x]\n", { a: '{"b":[1,"x"]}' }],
    ["an inline value with a colon is its line", "a: {b: c}\nd: [e]", { a: "{b: c}", d: '["e"]' }],
    ["… only where it is a structure", 'a: "b: c"\n', { a: "b: c" }],
    ["… with what is behind it", "a: {b: c} # note", { a: "{b: c} # note" }],
    ["what is null to YAML is its line", "a: ~\nb: null\nc:", { a: "~", b: "null" }],
    ["aliases", "a: &x y\nb: *x", { a: "y", b: "y" }],
    ["a value that contains itself is its line", "a: &x\n  b: *x\nc: d", { a: "&x", c: "d" }],
    ["keys are trimmed", '" a ": b', { a: "b" }],
  ])("%s", (_case, block, expected) => {
    expect(values(`---\n${block}\n---\n`)).toEqual(expected);
  });
});

describe("prose with colons", () => {
  it.each([
    ["description: foo: bar baz", { description: "foo: bar baz" }],
    ["'description': foo: bar", { description: "foo: bar" }],
    [
      "summary: when: always\nread_when: then: go",
      { summary: "when: always", read_when: "then: go" },
    ],
    ["description: *bold* text", { description: "*bold* text" }],
    ["description: `code` first", { description: "`code` first" }],
    ['description: "quoted" and more', { description: '"quoted" and more' }],
    ["description: [x] y", { description: "[x] y" }],
  ])("is forgiven: %s", (block, expected) => {
    expect(values(`---\n${block}\n---\n`)).toEqual(expected);
  });

  it.each([
    "name: foo: bar",
    "summary: `code`",
    "x:\n  description: a: b",
    "description: |\n x\ny: a: b",
  ])("is not: %j", (block) => expect(error(`---\n${block}\n---\n`)).not.toBe(""));
});

describe("an error names the line", () => {
  it.each([
    ["---\nname: a\nname: b\n---\n", "line 3: not YAML: this key appears twice"],
    ["---\n\nname: a\nx: {\n---\n", "line 4"],
    ["---\na: b\nglob: *.md\n---\n", "line 3: Unresolved alias"],
    ["---\na:\n\t- b\n---\n", "line 3: not YAML: a tab"],
    ["---\n# only\n---\n", "not a YAML mapping"],
    ["---\n- a\n---\n", "not a YAML mapping"],
    ["---\nname: a\n...\nx: y\n---\n", "line 4"],
  ])("%j", (text, expected) => expect(error(text)).toContain(expected));

  it("and nothing is thrown for hostile depth or aliases", () => {
    expect(error(`---\na: ${"[".repeat(50_000)}\n---\n`)).not.toBe("");
    expect(error(`---\na: &a x\nb: [${"*a,".repeat(20_000)}]\n---\n`)).toContain("alias");
  });
});
