/**
 * What a release says: the section of CHANGELOG.md, printed. Fails where something does not fit the tag.
 *
 *   node .github/release-notes.ts v1.2.3     for a release
 *   node .github/release-notes.ts            the section that would be next: "Unreleased", or the newest
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { lexer } from "marked";

/** The entries of one version. Throws where the changelog lacks them. */
function sectionOf(changelog: string, version: string): string {
  const tokens = lexer(changelog);
  const isHeading = (depth: number, index: number): boolean => {
    const token = tokens[index];
    return token?.type === "heading" && token.depth <= depth;
  };
  const title = new RegExp(
    `^\\[?${version.replaceAll(/[.+]/g, "\\$&")}\\]?( - \\d{4}-\\d\\d-\\d\\d)?$`,
  );
  const start = tokens.findIndex((token, index) => isHeading(2, index) && title.test(token.text));
  if (start === -1) throw new Error(`CHANGELOG.md has no section "## [${version}] - YYYY-MM-DD"`);
  const after = tokens.findIndex((_, index) => index > start && isHeading(2, index));
  const own = tokens.slice(start + 1, after === -1 ? undefined : after);
  const text = own
    .map(({ raw }) => raw)
    .join("")
    .trim();
  if (text === "") throw new Error(`the section ${version} of CHANGELOG.md is empty`);
  return `${text}\n`;
}

/** The version that a tag names, if package.json and the lock file have the same. Else throws. */
function versionOf(tag: string, packageVersion: string, lockVersion: string): string {
  if (tag !== `v${packageVersion}`)
    throw new Error(`the tag is ${tag}, and package.json has version ${packageVersion}`);
  if (lockVersion !== packageVersion)
    throw new Error(`package-lock.json has version ${lockVersion}: run npm install`);
  return packageVersion;
}

function notesOf(tag: string | undefined): string {
  const read = (name: string): string => readFileSync(join(import.meta.dirname, name), "utf8");
  const changelog = read("CHANGELOG.md");
  const { version } = JSON.parse(read("../package.json")) as { version: string };
  const lock = JSON.parse(read("../package-lock.json")) as { version: string };
  if (tag !== undefined) return sectionOf(changelog, versionOf(tag, version, lock.version));
  try {
    return sectionOf(changelog, "Unreleased");
  } catch {
    return sectionOf(changelog, version);
  }
}

if (import.meta.main) {
  try {
    process.stdout.write(notesOf(process.argv[2]));
  } catch (error) {
    process.stderr.write(`release-notes: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
