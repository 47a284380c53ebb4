import { dirname, join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { minorOf } from "../../core/locks/wheel-tags.ts";
import { listNames, textOf } from "../../io/files.ts";
import type { Http } from "../../net/http.ts";
import type { Interpreter, Toolchains } from "../toolchains.ts";
import type { PythonIndexes } from "./index.ts";

/**
 * The indexes of the machine's pip. The default one is that of the volume's pip, if there is one, else `recorded`: the
 * one from which the wheels were pinned.
 */
export async function indexesFor(
  http: Http,
  python: Interpreter | undefined,
  toolchains: Pick<Toolchains, "pip">,
  recorded?: string,
): Promise<PythonIndexes> {
  const pip = await toolchains.pip();
  if (pip.isDefaultReplaced) return { http, pip };
  const defaultIndex = (python && (await defaultIndexOf(python))) ?? recorded;
  if (defaultIndex !== undefined) return { http, pip, defaultIndex };
  if (pip.indexes.length + pip.findLinks.length > 0) return { http, pip };
  throw new UserError("E_NO_REGISTRY", "no Python index is configured here", {
    hint: "Set PIP_INDEX_URL or pip.conf, or install python3 into the volume, whose pip knows the public index.",
  });
}

/**
 * What a system's own pip asks, if it is installed: it is read, and not run. `program` is the system's python3,
 * absolute.
 */
export async function systemIndexOf(program: string): Promise<string | undefined> {
  const lib = join(dirname(program), "..", "lib");
  for (const python of listNames(lib).filter((name) => /^python3(\.\d+)?$/.test(name))) {
    for (const packages of ["dist-packages", "site-packages"]) {
      const index = await indexOfPip(join(lib, python, packages));
      if (index !== undefined) return index;
    }
  }
  return undefined;
}

async function defaultIndexOf({ version, tree }: Interpreter): Promise<string | undefined> {
  const own = await indexOfPip(join(tree, `lib/python${minorOf(version)}/site-packages`));
  return own ?? (await indexOfPip(join(tree, "usr/lib/python3/dist-packages"))); // Debian's
}

async function indexOfPip(packages: string): Promise<string | undefined> {
  const text = await textOf(join(packages, "pip/_internal/models/index.py"));
  const address = /^PyPI = PackageIndex\(\s*"(https:\/\/[^"]+\/)"/m.exec(text)?.[1];
  return address && `${address}simple/`;
}
