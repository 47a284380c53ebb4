import { UserError } from "../core/errors.ts";
import type { LibrarySet } from "../core/library-set.ts";
import { normalName, parseWheelName, wheelRank } from "../core/locks/wheel-tags.ts";
import type { Platform } from "../core/platform.ts";
import { compareVersions } from "../core/versions.ts";
import type { Finished } from "../io/exec.ts";
import { listFiles, type PythonIndexes } from "../sources/python/index.ts";
import { lastWords } from "./pip-command.ts";

interface Asked {
  readonly set: LibrarySet;
  /** `3.11`. */
  readonly minor: string;
  readonly platform: Platform;
  readonly indexes: PythonIndexes;
}

/** The error that pip's messages mean. */
export async function whyUnresolved(finished: Finished, asked: Asked): Promise<UserError> {
  const { stderr } = finished;
  const { file } = asked.set;
  const unmatched = /^ERROR: No matching distribution found for (\S+)/m.exec(stderr)?.[1];
  if (unmatched !== undefined) return await whyUnmatched(unmatched, stderr, asked);
  if (/ResolutionImpossible|conflicting dependencies/.test(stderr)) {
    return new UserError("E_LIBRARIES_CONFLICT", `${file}: ${conflict(stderr)}`);
  }
  if (/DO NOT MATCH THE HASHES/.test(stderr)) {
    const [, which = ""] = /^\s*(\S+) from /m.exec(stderr) ?? [];
    const message = `${file}: the index has other bytes of ${which || "a package"} than the file's --hash says`;
    return new UserError("E_DIGEST_MISMATCH", message);
  }
  if (/--require-hashes mode|Hashes are required/.test(stderr)) {
    const message = `${file}: if one package has a --hash, all that it needs must be listed with one`;
    return new UserError("E_LIBRARIES_CONFLICT", message);
  }
  return new UserError(
    "E_WHEELS_UNRESOLVED",
    `pip cannot resolve the packages of ${file}: ${lastWords(finished)}`,
  );
}

const nameHint =
  "Check the name: packages are called other than their modules (opencv-python has cv2), and those of Python itself have none.";

/** What excludes each other, in pip's words. */
function conflict(stderr: string): string {
  const said = stderr
    .split("\n")
    .filter((line) => /depends on|user requested|Cannot install/.test(line));
  const parts = said.map((line) => line.replace(/^ERROR: /, "").trim());
  return parts.slice(0, 5).join("; ").slice(0, 500) || "its packages exclude each other";
}

/** pip does not say whether a package is missing, has no wheels, or its index is down. */
async function whyUnmatched(
  wanted: string,
  stderr: string,
  { set, minor, platform, indexes }: Asked,
): Promise<UserError> {
  const name = normalName(/^[A-Za-z0-9._-]*/.exec(wanted)?.[0] ?? "");
  let names: string[];
  try {
    names = (await listFiles(name, indexes)).map((each) => each.name);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const isAbsent = ["E_NOT_LISTED", "E_HTTP_NOT_FOUND"].includes(error.problem);
    if (!isAbsent) return error;
    names = [];
  }
  const wheels = names.flatMap((each) => parseWheelName(each) ?? []);
  const fitting = wheels.filter((wheel) => wheelRank(wheel, minor, platform) !== undefined);
  const where = `Python ${minor} on ${platform.os}-${platform.arch}`;
  const why = reason(name, wanted, { names, wheels, fitting }, where);
  const newer = fitting.length > 0 ? needsNewerPython(stderr, minor) : undefined;
  const also = newer === undefined ? "" : `; versions that were left out need Python ${newer}`;
  const hint = names.length === 0 ? { hint: nameHint } : {};
  return new UserError("E_LIBRARIES_NO_WHEEL", `${set.file}: ${why}${also}`, hint);
}

/** pip lists the versions that it has left out, of whatever package; only a newer Python explains anything. */
function needsNewerPython(stderr: string, minor: string): string | undefined {
  const all = [...stderr.matchAll(/Requires-Python (>=3\.(\d+)[^;\s]*)/g)];
  return all.find(([, , least]) => Number(least) > Number(minor.slice(2)))?.[1];
}

interface Listed {
  readonly names: readonly string[];
  readonly wheels: readonly unknown[];
  readonly fitting: readonly { readonly version: string }[];
}

function reason(
  name: string,
  wanted: string,
  { names, wheels, fitting }: Listed,
  where: string,
): string {
  if (names.length === 0) return `the Python index has no package ${name}`;
  if (wheels.length === 0) return `${name} has no wheel (source distributions only)`;
  if (fitting.length === 0) return `${name} has no wheel for ${where}`;
  const newest = fitting
    .map(({ version }) => version)
    .sort(compareVersions)
    .at(-1);
  return `${name} has no wheel for ${where} that ${wanted} allows; the newest is ${newest}`;
}
