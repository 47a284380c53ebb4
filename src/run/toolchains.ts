import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import type { VerifiedRecord } from "../core/manifest.ts";
import { once } from "../core/once.ts";
import { artifactsFor } from "../core/plan/artifact.ts";
import { isAtLeast } from "../core/platform.ts";
import { asUserError } from "../core/system-error.ts";
import { run } from "../io/exec.ts";
import { findOnPath } from "../io/on-path.ts";
import { isWhole } from "../io/volume/store.ts";
import type { Staging } from "../io/volume/volume.ts";
import { readGoConfig } from "../net/go-config.ts";
import { readPipConfig } from "../net/pip-config.ts";
import { systemIndexOf } from "../sources/python/indexes.ts";
import { stage } from "../sources/source.ts";
import type { Interpreter, SharedToolchains, Toolchains } from "../sources/toolchains.ts";
import type { ApplyContext, Needs, ToolchainContext, ToolRun } from "./apply-context.ts";

/** What looking for toolchains needs of a run. */
type ToolchainRun = Pick<
  ApplyContext,
  "prefix" | "manifest" | "toolchains" | "http" | "npm" | "apt" | "emit" | "signal"
>;

/** What all tools of a run share for Python and Go: each is found or fetched once, when the first one needs it. */
export function shareToolchains(
  context: ToolchainRun,
  staging: Pick<Staging, "workDir">,
): SharedToolchains {
  const { env, home, offline } = context.toolchains;
  const machineGo = once(() => findMachineGo(context));
  const shared = {
    pip: once(() => readPipConfig(env, home)),
    goConfig: once(async () => readGoConfig(env, home, (await machineGo())?.go)),
    offline,
    networkEnv: networkEnv(env),
    systemIndex: once(async () => {
      const python = findOnPath(["python3"], systemDirs, context.prefix).get("python3");
      return python === undefined ? undefined : await systemIndexOf(python);
    }),
    systemPython: (minor: string) =>
      findOnPath([`python${minor}`], systemDirs, context.prefix).get(`python${minor}`),
  };
  const workDir = once(() => staging.workDir("go-cache"));
  const fetched = once(() => fetchGo(context, staging, shared));
  return {
    ...shared,
    async toolchain(atLeast) {
      const own = await machineGo();
      const isEnough = own !== undefined && isAtLeast(own.version, atLeast);
      return { go: isEnough ? own.go : await fetched(), shared: await workDir() };
    },
  };
}

/** Where images have their own Python: what else is on PATH may be a script that only starts one. */
const systemDirs = "/usr/bin:/usr/local/bin";

/** Toolchains for one tool: with the Python among its needs. */
export function withPython(
  tool: string,
  { context, toolchains, needs }: Pick<ToolRun, "context" | "toolchains" | "needs">,
): Toolchains {
  const python = () => pythonOf(context.prefix, tool, needs);
  const anyPython = () => anyPythonOf(context, tool, needs);
  return { ...toolchains, python, anyPython };
}

/** The Python among a tool's `needs`: from this run, or the volume's. */
async function pythonOf(prefix: string, tool: string, needs: Needs): Promise<Interpreter> {
  const record = await needs.get("python3");
  const bin = record?.bins.python3;
  if (record && bin) {
    const [program, tree] = [join(prefix, bin.path), join(prefix, record.dir)];
    return { program, version: record.version, tree };
  }
  const message = `${tool} is a Python program, and its needs do not provide python3`;
  throw new UserError("E_RECIPE", message, {
    hint: "Write needs: [python3] in its recipe, and a recipe python3 whose program is python3.",
  });
}

/** The Python that this run or an earlier one has installed into the volume, if there is one. */
export async function anyPythonOf(
  { prefix, manifest }: Pick<ApplyContext, "prefix" | "manifest">,
  tool: string,
  needs: Needs,
): Promise<Interpreter | undefined> {
  if (needs.has("python3")) return await pythonOf(prefix, tool, needs);
  const { python3 } = manifest.tools;
  if (python3 === undefined || !isWhole(prefix, python3)) return undefined;
  return await pythonOf(prefix, tool, new Map([["python3", Promise.resolve(python3)]]));
}

/** The volume's go if it is installed; else the one on PATH. */
async function findMachineGo({ prefix, manifest, toolchains }: ToolchainRun) {
  const record: VerifiedRecord | undefined = manifest.tools.go;
  const bin = record?.bins.go;
  const own = record && bin && isWhole(prefix, record) ? join(prefix, bin.path) : undefined;
  const onPath = findOnPath(["go"], toolchains.env.PATH ?? "", prefix).get("go");
  for (const go of [own, onPath]) {
    const version = go === undefined ? undefined : await versionOf(go);
    if (go !== undefined && version !== undefined) return { go, version };
  }
  return undefined;
}

async function versionOf(go: string): Promise<string | undefined> {
  // Even `go version` writes counters below HOME, which root could create anywhere else.
  const env = { PATH: "/usr/bin:/bin", HOME: "/dev/null", GOENV: "off", GOTOOLCHAIN: "local" };
  const argv = [go, "version"] as const;
  const finished = await run({ argv, env, cwd: "/", timeout: 20_000 }).catch((error: unknown) => {
    if (error instanceof UserError) throw error;
    return undefined; // it does not start here
  });
  return /^go version go(\d+\.\d+(?:\.\d+)?)/.exec(finished?.stdout ?? "")?.[1];
}

/** A Go for this run alone: it is in staging and is removed with it. The first source that works. */
async function fetchGo(
  context: ToolchainRun,
  staging: Pick<Staging, "workDir">,
  shared: Omit<SharedToolchains, "toolchain">,
): Promise<string> {
  const { recipe, artifacts, bin } = goRecipe(context.toolchains);
  const message = `fetching Go ${recipe.version} to build with; it is not kept`;
  context.emit({ type: "note", message });
  const never = (): Promise<never> =>
    Promise.reject(new Error("the recipe go must not be built itself"));
  const errors: unknown[] = [];
  for (const [i, artifact] of artifacts.entries()) {
    try {
      const { tree } = await stage(artifact, {
        http: context.http,
        npm: context.npm,
        apt: context.apt,
        toolchains: { ...shared, python: never, anyPython: never, toolchain: never },
        platform: context.toolchains.machine,
        runsHere: true,
        dir: await staging.workDir("go"),
        bins: artifact.bins ?? recipe.bins,
        written: new Map(),
        hasAlternative: i < artifacts.length - 1,
        signal: context.signal,
        onProgress: () => {},
      });
      return join(tree, artifact.bins?.go ?? bin);
    } catch (thrown) {
      const error = asUserError(thrown);
      if (!(error instanceof UserError) || context.signal.aborted) throw error;
      errors.push(error);
    }
  }
  throw errors[0];
}

function goRecipe({ catalogue, machine }: ToolchainContext) {
  const recipe = catalogue.recipes.get("go");
  const found = recipe ? artifactsFor(recipe, machine) : { reason: "no recipe provides it" };
  const bin = recipe?.bins.go;
  if (recipe && "artifacts" in found && bin !== undefined)
    return { recipe, artifacts: found.artifacts, bin };
  const why = "reason" in found ? found.reason : "the recipe go has no program go";
  throw new UserError("E_NO_GO", `a Go is needed to build it, and ${why}`);
}

const networkNames = /^(https?_proxy|no_proxy|all_proxy|ssl_cert_file|ssl_cert_dir)$/i;

function networkEnv(env: ToolchainContext["env"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      networkNames.test(name) && value ? [[name, value]] : [],
    ),
  );
}
