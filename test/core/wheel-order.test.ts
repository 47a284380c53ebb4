import { expect, test } from "vitest";
import { installOrder, neededBy } from "../../src/core/locks/wheel-order.ts";

const order = (needs: Record<string, string[]>) =>
  installOrder(Object.entries(needs).map(([name, needed]) => ({ name, needs: needed }))).join(" ");

test("what others need comes before them, of several the last name first", () => {
  expect(order({ app: ["a", "b"], a: ["c"], b: [], c: [], d: [] })).toBe("d c b a app");
  expect(order({ a: ["elsewhere", "a"] })).toBe("a");
  expect(order({})).toBe("");
});

test("a circle comes before what needs it", () => {
  expect(order({ zog: ["a"], a: ["b"], b: ["a"], c: ["zog"] })).toBe("b a zog c");
  expect(order({ a: ["b"], b: ["c"], c: ["a"] })).toBe("c b a");
});

test("what a package needs, without its extras and its description", () => {
  const metadata = `Name: zog
requires-dist: Typing_Extensions>=4
Requires-Dist: a.b (>=1) ; python_version < "3"
Requires-Dist: c[d]; extra == 'x'
Requires-Dist: e @ https://host.test/e.whl
Requires-Dist: ???

Requires-Dist: described
`;
  expect(neededBy(metadata)).toEqual(["typing-extensions", "a-b", "e"]);
  expect(neededBy("")).toEqual([]);
});
