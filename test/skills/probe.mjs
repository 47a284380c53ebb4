// Imports the packages that are named, as ES modules and by require, and says as JSON what it found.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
/** What a package itself says if it is not for one of the two ways. */
const notThisWay = new Set([
  "ERR_PACKAGE_PATH_NOT_EXPORTED",
  "ERR_REQUIRE_ESM",
  "ERR_REQUIRE_ASYNC_MODULE",
]);

async function attempt(use) {
  try {
    await use();
    return { ok: true };
  } catch (error) {
    const [line] = String(error?.message ?? error).split("\n");
    return {
      ok: false,
      isNotThisWay: notThisWay.has(error?.code),
      error: `${error?.code ?? error?.name}: ${line}`,
    };
  }
}

function versionOf(name, from) {
  const [one, two] = name.split("/");
  const below = `/node_modules/${one.startsWith("@") ? `${one}/${two}` : one}/`;
  const dir = from.slice(0, from.indexOf(below) + below.length);
  return JSON.parse(readFileSync(`${dir}package.json`, "utf8")).version;
}

async function probe(name) {
  const asked = { import: () => import(name), require: () => require(name) };
  const found = {};
  for (const [way, use] of Object.entries(asked)) found[way] = await attempt(use);
  const ways = Object.keys(found).filter((way) => found[way].ok);
  const failed = Object.values(found).find(({ ok, isNotThisWay }) => !ok && !isNotThisWay);
  if (failed || ways.length === 0) return { error: (failed ?? found.import).error };
  const from = found.import.ok
    ? new URL(import.meta.resolve(name)).pathname
    : require.resolve(name);
  return { ways, from, version: versionOf(name, from) };
}

const results = {};
for (const name of process.argv.slice(2)) results[name] = await probe(name);
process.stdout.write(`\n${JSON.stringify(results)}\n`, () => process.exit());
