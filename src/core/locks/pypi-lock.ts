import * as z from "zod";
import { parseHexDigest } from "../digest.ts";
import { isVersion } from "../names.ts";
import type { LockedWheel, RecipeProblem } from "../recipe.ts";
import { lineOf, type ParsedLock, readDocument, wrongLock } from "./document.ts";
import { isSameVersion, normalName, parseWheelName, type WheelName } from "./wheel-tags.ts";

const lockExample = "openclaw-install-skill-deps recipe lock recipes/black.yaml";

/** The version of the lock's format. */
const lockVersion = 1;

const lockDocument = z.strictObject({
  pypiLockVersion: z.literal(lockVersion),
  /** The Pythons and architectures that need all packages without `only`. */
  places: z.array(z.string().regex(/^3\.\d+-(x64|arm64)$/)).min(1),
  packages: z.array(
    z.strictObject({
      name: z.string(),
      version: z.string(),
      only: z.array(z.string()).optional(),
      wheels: z.array(
        z.strictObject({ file: z.string(), sha256: z.string(), size: z.int().min(1) }),
      ),
    }),
  ),
});
export type PypiLock = z.infer<typeof lockDocument>;

/** Reads a lock of wheels. `file` is used only in messages. */
export function parsePypiLock(text: string, file: string): ParsedLock<readonly LockedWheel[]> {
  const lock = readDocument(text, lockDocument, "a lock of wheels");
  if (typeof lock === "string") return wrongLock(file, lock, lockExample);
  const wheels: LockedWheel[] = [];
  const problems: RecipeProblem[] = [];
  for (const { name, version, only, wheels: listed } of lock.packages) {
    for (const wheel of listed) {
      const locked = toLockedWheel(name, version, wheel);
      if (typeof locked === "string") {
        const line = lineOf(text, JSON.stringify(wheel.file));
        problems.push({ file, line, message: `${wheel.file} ${locked}` });
      } else wheels.push({ ...locked, only: only ?? lock.places });
    }
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, held: wheels };
}

/** One line per wheel, so that updates have small diffs. */
export function renderPypiLock(lock: PypiLock): string {
  const packages = [...lock.packages]
    .sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1))
    .map(({ wheels, ...rest }) => {
      const lines = [...wheels]
        .sort((a, b) => (a.file < b.file ? -1 : 1))
        .map((wheel) => `      ${JSON.stringify(wheel)}`);
      return `    ${JSON.stringify(rest).slice(0, -1)},"wheels":[\n${lines.join(",\n")}\n    ]}`;
    });
  const places = JSON.stringify(lock.places);
  return `{\n  "pypiLockVersion": ${lockVersion},\n  "places": ${places},\n  "packages": [\n${packages.join(",\n")}\n  ]\n}\n`;
}

function toLockedWheel(
  name: string,
  version: string,
  wheel: { file: string; sha256: string; size: number },
): LockedWheel | string {
  const { file, sha256, size } = wheel;
  const digest = parseHexDigest("sha256", sha256);
  const named = parseWheelName(file);
  if (!named) return file.endsWith(".whl") ? "is not a wheel's name" : "is not a wheel";
  if (!digest) return "has no sha256";
  if (!isVersion(version)) return `has "${version}" as its version`;
  if (normalName(name) !== name || !isOf(named, name, version)) {
    return `is not a wheel of ${name} ${version}`;
  }
  return { name, version, file, digest, size };
}

function isOf(named: WheelName, name: string, version: string): boolean {
  return named.name === name && isSameVersion(named.version, version);
}
