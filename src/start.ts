/**
 * Starts the program, which lies beside this file. V8 compiles a function when it is first called, which
 * is a fourth of a run that has nothing to do; Node's own compile cache has only what is compiled before
 * the first call. So a run with `OPENCLAW_SKILL_DEPS_CODE_CACHE=write` (an image's build) leaves what it
 * has compiled beside the program, and later ones start with that. V8 refuses what another Node or other
 * flags have made, but believes the bytes: they begin with the sha256 of the program and of themselves.
 * Who could write both here could write the program.
 */
import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";

const here = dirname(process.argv[1] ?? "");
const filename = join(here, "program.cjs");
const program = readFileSync(filename);
const file = join(here, "program.cache");
const digestBytes = 32;

const digestOf = (code: Buffer): Buffer =>
  createHash("sha256").update(program).update(code).digest();

function read(): Buffer | undefined {
  try {
    const bytes = readFileSync(file);
    const code = bytes.subarray(digestBytes);
    return bytes.subarray(0, digestBytes).equals(digestOf(code)) ? code : undefined;
  } catch {
    return undefined;
  }
}

function write(): void {
  const code = script.createCachedData();
  try {
    writeFileSync(`${file}.new`, Buffer.concat([digestOf(code), code]), { mode: 0o644 });
    renameSync(`${file}.new`, file);
  } catch (error) {
    process.stderr.write(`error: cannot write the code cache: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

const cachedData = read();
const parameters = "exports, require, module, __filename, __dirname"; // a CommonJS module's
const script = new Script(`(function (${parameters}) { ${program}\n})`, {
  filename,
  ...(cachedData && { cachedData }),
});
if (process.env.OPENCLAW_SKILL_DEPS_CODE_CACHE === "write") process.on("exit", write);
const module = { exports: {} };
const require = createRequire(filename);
script.runInThisContext()(module.exports, require, module, filename, here);
