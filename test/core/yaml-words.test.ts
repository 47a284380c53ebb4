import { expect, test } from "vitest";
import { LineCounter, parseDocument } from "yaml";
import { explainYaml } from "../../src/core/yaml-words.ts";

/** What is said of a text's first error. */
function said(text: string): string {
  const lines = new LineCounter();
  const [error] = parseDocument(text, { lineCounter: lines, prettyErrors: false }).errors;
  if (!error) throw new Error("this is YAML");
  const line = text.split("\n")[lines.linePos(error.pos[0]).line - 1] ?? "";
  const { message, example } = explainYaml(error, line);
  return example === undefined ? message : `${message} -> ${example}`;
}

test.each([
  ["a: GitHub: the CLI", 'the text contains ": "; quote it -> a: "GitHub: the CLI"'],
  ['- a: it\'s: "x"', 'the text contains ": "; quote it -> a: "it\'s: \\"x\\""'],
  ["a: @scope/x", 'a text cannot begin with @; quote it -> a: "@scope/x"'],
  ["a: `x`", 'a text cannot begin with `; quote it -> a: "`x`"'],
  ["a: %x", 'a text cannot begin with %; quote it -> a: "%x"'],
  ["a: - x", 'a text cannot begin with -; quote it -> a: "- x"'],
  ["a: [@x]", "a text cannot begin with @; quote it"],
  ["a:\n\tb: 1", "a tab; indent with spaces"],
  ["a: 1\na: 2", "this key appears twice"],
  ['a: "x', "a quote is opened and not closed"],
  ["a: [1, 2", "a bracket is opened and not closed"],
  ["a: {b: 1", "a bracket is opened and not closed"],
  ["a:1\nb: 2", "a space is missing after the colon -> a: 1"],
  ["a\nb: 1", "the line is not KEY: VALUE; a colon is missing, or a quote"],
])("%j", (text, expected) => expect(said(text)).toBe(expected));

test.each([
  ['a: "C:\\path"', /single quotes/],
  ['a: "x" y', /quote the whole value/],
  ["a: 1\n b: 2", /another indentation/],
  ["a: {b: c: d}", /needs quotes/],
])("%j", (text, expected) => expect(said(text)).toMatch(expected));

test("the parser's own words are not what people read", () => {
  const words = /mapping|implicit|compact|scalar|token|collection|indicator/i;
  for (const text of [
    "a: b: c",
    "a:1\nb: 2",
    "a: {b: 1 c: 2}",
    "a: ,x",
    "a: }",
    "- a\nb: 1",
    "a: > x",
  ]) {
    expect(said(text)).not.toMatch(words);
  }
});
