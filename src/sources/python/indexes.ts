import { join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { minorOf } from "../../core/locks/wheel-tags.ts";
import { textOf } from "../../io/files.ts";
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

async function defaultIndexOf({ version, tree }: Interpreter): Promise<string | undefined> {
  const models = `lib/python${minorOf(version)}/site-packages/pip/_internal/models/index.py`;
  const text = await textOf(join(tree, models));
  const address = /^PyPI = PackageIndex\(\s*"(https:\/\/[^"]+\/)"/m.exec(text)?.[1];
  return address && `${address}simple/`;
}
