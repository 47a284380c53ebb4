/** What `policy` loads where a quick answer is not possible: a piece of the program, beside `main.ts`. */
import { dirname } from "node:path";
import { parseOptions } from "./cli.ts";
import { answerPolicy } from "./commands/policy.ts";
import type { PolicyAnswer, PolicyRequest } from "./commands/policy-answer.ts";
import { findPackage, machinePlatform } from "./machine.ts";

/** Answers by the whole catalogue, any SKILL.md and all options. Throws for options that do not exist. */
export async function answerFully(request: PolicyRequest): Promise<PolicyAnswer> {
  const { packageDir } = findPackage(dirname(process.argv[1] ?? ""));
  const options = parseOptions(process.argv.slice(2), process.env, 1);
  const path = process.env.PATH ?? "";
  return await answerPolicy(request, { options, path, machine: machinePlatform(), packageDir });
}
