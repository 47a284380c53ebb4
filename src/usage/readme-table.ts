import { commands, commandWords } from "./commands.ts";

/** README.md's table of commands. */
export function renderCommandTable(): string {
  const rows = commands.map((command) => `| \`${commandWords(command)}\` | ${command.summary} |`);
  return ["| command | what it does |", "| --- | --- |", ...rows, ""].join("\n");
}
