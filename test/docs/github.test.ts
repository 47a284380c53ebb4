/** What lies in .github: pages whose links and commands are there, issue forms that GitHub takes. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { repository } from "../support/workplace.ts";
import { readPage } from "./pages.ts";

const packageJson = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
const directory = join(repository, ".github");

describe.each(["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])("%s", (name) => {
  const page = readPage(`.github/${name}`);

  test("leads to pages and headings that are there", () => {
    for (const link of page.links.filter((link) => !/^https?:/.test(link))) {
      const [path = "", anchor] = link.split("#");
      const target = join(directory, path);
      expect(existsSync(target), link).toBe(true);
      if (anchor !== undefined) {
        const { anchors } = readPage(join(".github", path));
        expect([...anchors], link).toContain(anchor);
      }
    }
    expect(page.text).toMatch(/^# /);
  });

  test("names scripts and files that are there", () => {
    const lines = [...page.blocks.map(({ text }) => text), ...page.spans].join("\n");
    for (const [, script = ""] of lines.matchAll(/npm run ([\w:-]+)/g)) {
      expect(Object.keys(packageJson.scripts)).toContain(script);
    }
    const files = page.spans.filter((span) => /^(src|test|\.ci)\//.test(span));
    expect(files.filter((file) => !existsSync(join(repository, file)))).toEqual([]);
  });
});

test("the changelog has the version of package.json, and what is next", () => {
  const { text } = readPage(".github/CHANGELOG.md");
  const versions = [...text.matchAll(/^## \[(.*?)\]/gm)].map(([, version]) => version);
  expect(versions.slice(0, 2)).toEqual(["Unreleased", packageJson.version]);
});

/** The parts of GitHub's form syntax that are used here; GitHub ignores a form with anything wrong. */
const label = z.string().min(1);
const validations = z.strictObject({ required: z.boolean() }).optional();
const id = z.string().regex(/^[\w-]+$/);
const plain = { label, description: label.optional(), placeholder: label.optional() };
const field = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("input"), id, attributes: z.strictObject(plain), validations }),
  z.strictObject({
    type: z.literal("textarea"),
    id,
    attributes: z.strictObject({ ...plain, render: label.optional() }),
    validations,
  }),
  z.strictObject({
    type: z.literal("dropdown"),
    id,
    attributes: z.strictObject({ label, options: z.array(label).min(2) }),
    validations,
  }),
  z.strictObject({
    type: z.literal("checkboxes"),
    id,
    attributes: z.strictObject({
      label,
      options: z.array(z.strictObject({ label, required: z.boolean() })).min(1),
    }),
  }),
]);
const form = z.strictObject({
  name: label,
  description: label,
  labels: z.array(label),
  body: z.array(field).min(1),
});

const forms = readdirSync(join(directory, "ISSUE_TEMPLATE")).filter((it) => it !== "config.yml");

test("there are forms", () => {
  expect(forms.length).toBeGreaterThanOrEqual(2);
});

test.each(forms)("%s is a form that GitHub takes", (name) => {
  const read = form.parse(parse(readFileSync(join(directory, "ISSUE_TEMPLATE", name), "utf8")));
  const ids = read.body.map((it) => it.id);
  expect(new Set(ids).size).toBe(ids.length);
  const labels = read.body.map((it) => it.attributes.label);
  expect(new Set(labels).size).toBe(labels.length);
});

test("package.json says where the sources are, for npm's page and the links of its README", () => {
  expect(packageJson.repository.url).toMatch(/^git\+https:\/\/.*\.git$/);
  expect(packageJson.keywords.length).toBeGreaterThan(3);
  expect(dirname(packageJson.bin[packageJson.name])).toBe("entrypoint");
});
