import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readPlainBlock, readYamlBlock } from "../../src/core/skills/frontmatter.ts";
import { parsePlainSkill } from "../../src/core/skills/plain-skill.ts";
import { parseSkill } from "../../src/core/skills/skill.ts";
import { chance, mutate } from "../support/random.ts";

const head = "---\nname: mail\ndescription: Reads mail.\n";
const needs = '{"openclaw":{"requires":{"bins":["gog"],"anyBins":["a","b"]},"os":["linux"]}}';
const plain = [
  `${head}---\n`,
  `${head}metadata: ${needs}\n---\n# Mail\n`,
  `---\nname: mail\nhomepage: https://example.test/a#b\ndescription: "Reads: mail"\nmetadata:\n  {\n    "openclaw":\n      {\n        "requires": { "bins": ["gog",], },\n      },\n  }\n---\n`,
  `---\nname: 'the mail'\ndescription: 'It''s mail'\nmetadata: {"clawdbot":{"requires":{"bins":"gog, jq"}}}\n---\n`,
  `\uFEFF---\r\nname: mail\r\ndescription: x\r\n---\r\n`,
  `---\nname: mail\ndescription: >-\n  a\n  b\n\n\n  c\n\nnote: |\n  a\n\n  b: c\nmetadata:\n  openclaw:\n    skillKey: >\n      a\n      b\n    emoji: |-\n      a\n    primaryEnv: |\n      X\n---\n`,
  `---\nname: mail\nversion: 1.2.0\ndescription: >\n  Reads: mail\n\n  and more\ntags: [a, "b"]\nmetadata:\n  openclaw:\n    emoji: 📧\n    requires:\n      bins:\n        - gog\n      anyBins: [a, b]\n    install:\n    - kind: node\n      package: "@x/gog"\n    - kind: brew\n---\n`,
];
const others = [
  "",
  "# Mail\n",
  `${head}`,
  `---\nname: mail\ndescription: a: b\n---\n`,
  `---\nname: mail\ndescription: a # b\nmetadata: ${needs} # c\n---\n`,
  `---\nname: mail\nname: post\ndescription: x\n---\n`,
  `---\nname: null\ndescription: x\n---\n`,
  `---\nname: mail\ndescription: x\nmetadata: {"openclaw":{"requires":{"bins":["a"],"bins":["b"]}}}\n---\n`,
  `---\nname: mail\ndescription: x\nmetadata: {openclaw: {requires: {bins: [gog]}}}\n---\n`,
  `---\nname: mail\ndescription: x\nmetadata: [1]\n---\n`,
  `---\nname: mail\ndescription: @x\n---\n`,
  `---\nname: mail\ndescription: x\ntags: [a\n---\n`,
  `--- \nname: mail\ndescription: x\n---\n`,
  `---\nname: mail\ndescription: x\n\tmetadata: {}\n---\n`,
];

/** What both must agree on where the plain reader answers at all. */
function verdicts(text: string) {
  const quick = parsePlainSkill(text);
  const whole = parseSkill(text, "directory");
  if (!quick) return undefined;
  const { name, os, bins, anyBins } = quick;
  const skill = whole.ok ? whole.skill : undefined;
  return {
    quick: { name, os, bins, anyBins },
    whole: skill && { name: skill.name, os: skill.os, bins: skill.bins, anyBins: skill.anyBins },
  };
}

/** The whole front matter, where the plain reader answers. */
function fronts(text: string) {
  const normal = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  const end = normal.indexOf("\n---\n", 3);
  const block = normal.startsWith("---\n") && end !== -1 ? normal.slice(4, end) : "";
  const plain = readPlainBlock(block);
  return plain && { plain, yaml: readYamlBlock(block) };
}

test.each(plain)("front matter: %j", (text) => {
  const found = fronts(text);
  expect(found?.plain).toEqual(found?.yaml);
  expect(found).toBeDefined();
});

test.each(plain)("plain: %j", (text) => {
  const found = verdicts(text);
  expect(found?.quick).toEqual(found?.whole);
  expect(found).toBeDefined();
});

test.each(others)("left to the whole reader: %j", (text) => {
  expect(parsePlainSkill(text)).toBeUndefined();
});

test("whatever one changes in a plain one, the two never differ", () => {
  const seeded = chance(16);
  const pieces = [
    ..." \n\t:#,{}[]\"'\\-|>&*!%@`?=~0aé\u2028",
    "---\n",
    ": ",
    " #",
    "null",
    "\r\n",
    "  - ",
    "\n  ",
  ];
  let read = 0;
  for (let i = 0; i < 6000; i += 1) {
    const from = plain[i % plain.length] ?? "";
    const at = seeded.below(from.length);
    const small = from.slice(0, at) + seeded.one(pieces) + from.slice(at + seeded.below(2));
    const text = i % 2 === 0 ? small : mutate(from, pieces, seeded);
    const found = verdicts(text);
    if (found) read += 1;
    if (found) expect(found.quick, text).toEqual(found.whole);
    const front = fronts(text);
    if (front) expect(front.plain, text).toEqual(front.yaml);
  }
  expect(read).toBeGreaterThan(600);
});

const file = process.env.OPENCLAW_SKILL_CORPUS;
describe.skipIf(!file)("real SKILL.md files", () => {
  test("are read the same", () => {
    const lines = readFileSync(file ?? "", "utf8")
      .trim()
      .split("\n");
    const found = lines.map((line) => verdicts(JSON.parse(line).text)).filter((it) => it);
    for (const it of found) expect(it?.quick).toEqual(it?.whole);
    const read = lines.map((line) => fronts(JSON.parse(line).text)).filter((it) => it);
    for (const it of read) expect(it?.plain).toEqual(it?.yaml);
    expect(read.length).toBeGreaterThan(200);
    expect(found.length).toBeGreaterThan(100);
  });
});
