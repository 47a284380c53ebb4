import { describe, expect, test } from "vitest";
import { emptyManifest, parseManifest, renderManifest } from "../../src/core/manifest.ts";

const good = {
  ...emptyManifest("linux-x64-glibc"),
  tools: {
    gog: {
      tool: "gog",
      version: "1.0.0",
      key: "0123456789ab",
      dir: "lib/gog/1.0.0-0123456789ab",
      source: { kind: "archive", from: "https://x/y", digest: "sha256:00", size: 1 },
      bins: { gog: { path: "lib/gog/1.0.0-0123456789ab/gog", size: 3 } },
      needs: [],
      license: "MIT",
      recipe: "bundled",
      installedAt: "2026-01-01T00:00:00.000Z",
      contents: "ab".repeat(32),
      sealed: "1767225600000000000",
    },
  },
};

type Tool = (typeof good)["tools"]["gog"];
const withTool = (over: Partial<Record<keyof Tool, unknown>>) => ({
  ...good,
  tools: { gog: { ...good.tools.gog, ...over } },
});

test("what is written is what is read", () => {
  expect(parseManifest(renderManifest(good), "m")).toEqual(good);
});

test("what a later version adds beside the known fields, at any depth, is kept", () => {
  const { gog } = good.tools;
  const bins = { gog: { ...gog.bins.gog, later: 1 } };
  const tool = { ...gog, later: { x: [1] }, source: { ...gog.source, later: true }, bins };
  const skill = { name: "mail", sha256: gog.contents, bins: ["gog"], anyBins: [], later: 1 };
  const later = { ...good, extra: { gog: 1 }, tools: { gog: tool }, skills: [skill] };
  const read = parseManifest(JSON.stringify(later), "m");
  expect(JSON.parse(renderManifest(read as typeof good))).toEqual(later);
});

describe("what is refused, and never overwritten", () => {
  const table: [string, string, RegExp][] = [
    ["empty", "", /not JSON/],
    ["cut short", renderManifest(good).slice(0, 200), /not JSON/],
    ["of something else", '{"name":"x"}', /not a manifest of this package/],
    ["null", "null", /not a manifest of this package/],
    ["a list", "[]", /not a manifest of this package/],
    ["newer", '{"schema":2}', /schema 2; this version knows up to 1/],
    ["a tool without a source", JSON.stringify(withTool({ source: 1 })), /not a manifest/],
    ["a tree outside", JSON.stringify(withTool({ dir: "../../etc" })), /dir/],
    [
      "a previous tree outside",
      JSON.stringify({
        ...good,
        previous: { gog: { ...good.tools.gog, dir: "lib/jq/1-0123456789ab" } },
      }),
      /lib\/jq/,
    ],
    ["another tool's tree", JSON.stringify(withTool({ dir: "lib/jq/1-0123456789ab" })), /lib\/jq/],
    [
      "a program outside its tree",
      JSON.stringify(withTool({ bins: { gog: { path: "lib/jq/x", size: 1 } } })),
      /as the tree of gog/,
    ],
    [
      "a program's name that is a path",
      JSON.stringify(withTool({ bins: { "../sh": { path: "lib/gog/x", size: 1 } } })),
      /not a manifest of this package/,
    ],
  ];
  test.each(table)("%s", (_, text, message) => {
    const found = parseManifest(text, "/v/manifest.json");
    expect(found).toMatchObject({ message: expect.stringMatching(message) });
    expect(found).toMatchObject({ message: expect.stringMatching(/^\/v\/manifest\.json/) });
    expect(found).toMatchObject({ why: text === '{"schema":2}' ? "newer" : "broken" });
  });
});
