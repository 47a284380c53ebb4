import { runHere } from "./child.ts";
import { findCommand, type Location } from "./location.ts";
import { cliDescription, cliName } from "./manifest.ts";
import type { CliCommand } from "./openclaw.ts";

/**
 * `openclaw skill-deps WORDS…` is `openclaw-install-skill-deps WORDS…`: its words, streams and exit status.
 */
export function addCli(program: CliCommand, location: () => Location, host: NodeJS.Process): void {
  program
    .command(cliName)
    .description(cliDescription)
    .argument("[words...]", "a command of openclaw-install-skill-deps, with its options")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (words) => {
      host.exitCode = await runWords(words, location, host);
    });
}

async function runWords(
  words: readonly string[],
  location: () => Location,
  host: NodeJS.Process,
): Promise<number> {
  try {
    const where = location();
    const command = await findCommand(where);
    const env = { ...host.env, OPENCLAW_SKILL_PREFIX: where.prefix };
    return await runHere([command, ...allWords(words, host.argv)], env, host);
  } catch (error) {
    host.stderr.write(`skill-deps: ${error instanceof Error ? error.message : error}\n`);
    return 5;
  }
}

/** The words as they were typed: the parser drops a `--` before them. */
export function allWords(words: readonly string[], argv: readonly string[]): string[] {
  return argv.at(-words.length - 1) === "--" ? ["--", ...words] : [...words];
}
