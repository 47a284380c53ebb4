import validRange from "semver/ranges/valid.js";
import { asFields } from "../values.ts";
import { emptyDeclaration, type LibraryDeclaration, type Refusal } from "./declaration.ts";

/** Old packages have capitals: JSONStream. */
const packageName = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[A-Za-z0-9~-][A-Za-z0-9._~-]*$/;
/** A tag of a registry, such as `latest`. */
const tag = /^[A-Za-z][A-Za-z0-9._-]*$/;

const sections = ["dependencies", "optionalDependencies"] as const;

/**
 * Reads the `dependencies` and `optionalDependencies` of a package.json; undefined if it declares none. Those for
 * development are not for scripts. Addresses, version control, directories and workspaces are refused.
 */
export function readPackageJson(text: string, file: string): LibraryDeclaration | undefined {
  const empty = emptyDeclaration("node", file);
  const refuse = (reason: string): LibraryDeclaration => ({
    ...empty,
    refused: [{ file, text: "", reason }],
  });
  let document: ReturnType<typeof asFields>;
  try {
    document = asFields(JSON.parse(text));
  } catch (error) {
    return refuse(`it is not JSON: ${(error as Error).message}`);
  }
  const wrong = sections.find((name) => Array.isArray(document?.[name]));
  if (wrong !== undefined) return refuse(`"${wrong}" is a list; npm expects an object`);
  const [required, optional] = sections.map((name) =>
    Object.entries(asFields(document?.[name]) ?? {}),
  );
  // npm's rule: an optional one replaces a required one of the same name.
  const all = new Map([...(required ?? []), ...(optional ?? [])]);
  if (all.size === 0) return undefined;
  const refused: Refusal[] = [];
  const requirements: string[] = [];
  for (const [name, range] of [...all].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const reason = whyRefused(name, range);
    if (reason === undefined) requirements.push(`${name}@${range}`);
    else refused.push({ file, text: `${name}: ${range}`, reason });
  }
  const names = requirements.map((each) => each.slice(0, each.indexOf("@", 1)));
  return { ...empty, names, requirements, refused };
}

function whyRefused(name: string, range: unknown): string | undefined {
  if (!packageName.test(name)) return "it is not the name of a package";
  if (typeof range !== "string") return "its version is not a text";
  const alias = /^npm:(@?[^@]+)(?:@(.*))?$/.exec(range);
  if (alias) {
    const [, target = "", wanted = ""] = alias;
    return packageName.test(target)
      ? whyRefused(target, wanted)
      : "it is not the name of a package";
  }
  if (validRange(range) !== null || tag.test(range)) return undefined;
  if (/^(file|link|workspace|portal|catalog):/.test(range) || /^[./~]/.test(range)) {
    return "it is a directory, and only packages of a registry can be pinned";
  }
  if (/[:/]/.test(range)) return "it is an address, and only packages of a registry can be pinned";
  return "it is not a version or range";
}
