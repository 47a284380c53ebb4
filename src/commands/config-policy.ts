import { dirname, join, resolve } from "node:path";
import JSON5 from "json5";
import type { Context } from "../context.ts";
import { exitStatus } from "../core/errors.ts";
import { type PolicyPath, policyFragment, refusedPolicy } from "../core/install-policy.ts";
import { defaultPrefix, layout } from "../core/layout.ts";
import { configFile, stateDir } from "../core/skills/config.ts";
import { lstatIfExists, tolerate } from "../io/files.ts";
import { renderDocument } from "../report/text.ts";
import { resolvePrefix } from "../run/inputs/volume.ts";

/** `config policy`: prints the lines of openclaw.json that make OpenClaw run `policy`. */
export async function configPolicy(context: Context): Promise<number> {
  const { options, env, home, stdout } = context;
  const volume = await resolvePrefix(context);
  const args = [
    ...(options.strict ? ["--strict"] : []),
    ...options.recipeDirs.flatMap((dir) => ["--recipes", resolve(dir)]),
    ...(options.catalogue === undefined ? [] : ["--catalogue", options.catalogue]),
  ];
  const fragment = policyFragment(volume, args);
  const notes = await notesOn(volume, context);
  if (options.json !== false) {
    stdout.write(renderDocument({ topology: "policy", openclaw: fragment, notes }));
    return exitStatus.done;
  }
  const head = [
    "# policy: before OpenClaw installs a skill, this command says which programs it needs",
    ...notes.map((note) => `# note: ${note}`),
  ];
  const where = `// ---- openclaw.json, ${configFile(env, home)}: merge this into your file`;
  const json = JSON5.stringify(fragment, { space: 2, quote: '"' });
  stdout.write(`${head.join("\n")}\n\n${where}\n${json}\n`);
  return exitStatus.done;
}

async function notesOn(volume: string, { options, env, home, uid }: Context): Promise<string[]> {
  const program = join(volume, layout.policyProgram);
  const found = await tolerate(lstatIfExists(program));
  const gateway = (await tolerate(lstatIfExists(stateDir(env, home))))?.uid ?? uid;
  const refusal = refusedPolicy(await pathsAbove(program), gateway);
  const inContainer = `in a gateway's container the volume is usually ${defaultPrefix}: then write ${defaultPrefix}/${layout.policyProgram}`;
  return [
    ...(found ? [] : [`${program} does not exist yet: the next run of install writes it`]),
    ...(refusal ? [`OpenClaw will refuse this program, and with it every skill: ${refusal}`] : []),
    ...(volume === defaultPrefix ? [] : [inContainer]),
    "OpenClaw installs no skill while this program cannot run: take these lines out before you remove the volume",
    options.strict
      ? "--strict: a skill is blocked if a program that it needs cannot be installed"
      : "every skill is allowed; with --strict one whose programs cannot be installed is blocked",
  ];
}

/** The program and all directories above it that exist. */
async function pathsAbove(program: string): Promise<PolicyPath[]> {
  const paths: PolicyPath[] = [];
  for (let path = program; ; path = dirname(path)) {
    const found = await tolerate(lstatIfExists(path));
    const isDirectory = path !== program;
    if (found) paths.push({ path, uid: found.uid, mode: found.mode, isDirectory });
    if (path === dirname(path)) return paths;
  }
}
