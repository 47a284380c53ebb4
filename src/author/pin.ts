import { join } from "node:path";
import { formatIntegrity } from "../core/digest.ts";
import { UserError } from "../core/errors.ts";
import { compactLock } from "../core/locks/npm-lock.ts";
import { chooseVersion, resolveClosure } from "../core/locks/npm-resolve.ts";
import { splitPackage } from "../core/recipes/rules.ts";
import type { RecipeSource } from "../core/recipes/schema.ts";
import type { HashedDownload } from "../net/http.ts";
import { parseDebWanted } from "./deb-wanted.ts";
import type { DraftContext } from "./draft.ts";
import { askRegistry, hashPackage } from "./draft-npm.ts";
import { debLocker } from "./lock-deb.ts";
import { lockGoModule } from "./lock-go.ts";
import { lockPypi } from "./lock-pypi.ts";
import { digestField, type PinnedField } from "./pin-text.ts";

interface Pins {
  readonly fields: PinnedField["fields"];
  readonly lock?: { readonly name: string; readonly text: string };
}

/**
 * Makes what pins a source, from fetched bytes. `text` is the recipe's, of which Debian's locks are
 * made. Throws a UserError where something cannot be had, or a registry contradicts itself.
 */
export function openPinner(
  context: DraftContext,
): (source: RecipeSource, text: string) => Promise<Pins> {
  const { http, env, clock, dir } = context;
  const deb = debLocker({ env, http, clock, dir });
  const locks = new Map<string, Promise<string>>();
  const lockOnce = async (name: string, make: () => Promise<string>): Promise<Pins> => {
    const made = locks.get(name) ?? make();
    locks.set(name, made);
    return { fields: {}, lock: { name, text: await made } };
  };
  let count = 0;
  return async (source, text) => {
    const { url, npm, deb: debian, pypi, go, lock, sum } = source;
    count += 1;
    const file = join(dir, `pin-${count}`);
    if (lock !== undefined && debian !== undefined) {
      return await lockOnce(`${debian} ${lock}`, () => deb(parseDebWanted(text))).then((pins) =>
        named(pins, lock),
      );
    }
    if (lock !== undefined && pypi !== undefined) {
      return named(await lockOnce(`${pypi} ${lock}`, () => lockPypi(pypi, context)), lock);
    }
    if (lock !== undefined && npm !== undefined) {
      return named(await lockOnce(`${npm} ${lock}`, () => lockNpm(npm, context)), lock);
    }
    if (go !== undefined && sum !== undefined) {
      return { fields: { sum: (await lockGoModule(go, env)).sum } };
    }
    if (url !== undefined) return hashed(source, await http.weigh({ url, file }));
    if (npm !== undefined) {
      const { name, version } = splitPackage(npm);
      const ask = askRegistry(http, await context.npm());
      const found = chooseVersion(name, await ask(name), version);
      return hashed(source, await hashPackage(found, file, context));
    }
    throw new UserError("recipe", `${go ?? "a source"} cannot be pinned by this command`, {
      hint: "Compute the sha256 of the module's zip by hand; recipe check --fetch compares it.",
    });
  };
}

function named({ fields, lock }: Pins, name: string): Pins {
  return lock ? { fields, lock: { name, text: lock.text } } : { fields };
}

/** The text of a package-lock for NAME@VERSION, as the machine's registry resolves it. */
async function lockNpm(npm: string, context: DraftContext): Promise<string> {
  const { name, version } = splitPackage(npm);
  const ask = askRegistry(context.http, await context.npm());
  const root = chooseVersion(name, await ask(name), version);
  return compactLock(await resolveClosure(root, ask));
}

function hashed(source: RecipeSource, { sha256, sha512, size }: HashedDownload): Pins {
  switch (digestField(source)) {
    case "sha256":
      return { fields: { sha256: sha256.hex, size } };
    case "sha512":
      return { fields: { sha512: sha512.hex, size } };
    case "integrity":
      return { fields: { integrity: formatIntegrity(sha512), size } };
  }
}
