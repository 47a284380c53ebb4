import { expect, test } from "vitest";
import { atVersion, withVersion } from "../../src/author/draft-version.ts";
import type { RecipeDocument } from "../../src/core/recipes/schema.ts";

test.each([
  ["v1.7/jq-1.7.tar.gz", "v1.8/jq-1.8.tar.gz"],
  ["jq_1.7_linux", "jq_1.8_linux"],
  ["1.7", "1.8"],
  ["jq-1.7.1", "jq-1.7.1"], // 1.7 is not the whole of it
  ["jq-2.1.7", "jq-2.1.7"],
  ["jq-11.7", "jq-11.7"],
  ["jq-1.70", "jq-1.70"],
  ["jq-1x7", "jq-1x7"], // a point is no wildcard
])("1.7 becomes 1.8 in %s: %s", (text, expected) => {
  expect(atVersion(text, "1.7", "1.8")).toBe(expected);
});

test("a version with characters that mean something to a replacement is taken as it is", () => {
  expect(atVersion("x-1.0+b1.tgz", "1.0+b1", "$&-2")).toBe("x-$&-2.tgz");
});

const zeros = "0".repeat(64);
const document = (artifacts: RecipeDocument["artifacts"]): RecipeDocument => ({
  name: "jq",
  description: "x",
  homepage: "https://example.test",
  license: "MIT",
  version: "1.8.2",
  provenance: "x",
  bins: { jq: "jq-1.8.2/jq" },
  test: ["jq", "--version"],
  artifacts,
});
const url = (version: string) => ({ url: `https://x.test/jq-${version}.tgz`, sha256: zeros });

test("paths of programs follow, and sources that do not name the version are left out", () => {
  const given = document({
    "linux-x64": [url("1.8.2"), { npm: "jq-linux@18.0.0", sha256: zeros }],
    "linux-arm64": { npm: "jq-linux-arm@18.0.0", sha256: zeros },
  });
  const { version, bins, artifacts } = withVersion(given, "1.7.1");
  expect({ version, bins, artifacts }).toEqual({
    version: "1.7.1",
    bins: { jq: "jq-1.7.1/jq" },
    artifacts: { "linux-x64": url("1.7.1") },
  });
});

test("Debian's own version is asked for only where there is no other source", () => {
  const deb = { deb: "jq@1.6-2.1", lock: "jq.deb.lock.json" };
  const both = withVersion(document({ "linux-x64": [url("1.8.2"), deb] }), "1.7.1");
  expect(both.artifacts).toEqual({ "linux-x64": url("1.7.1") });
  const alone = withVersion({ ...document({ "linux-x64": deb }), version: "1.6" }, "1:1.7-3");
  expect(alone).toMatchObject({
    version: "1.7",
    artifacts: { "linux-x64": { ...deb, deb: "jq@1:1.7-3" } },
  });
});
