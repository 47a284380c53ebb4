import { type Command, commands, commandWords } from "./commands.ts";

/** Commands that share a row with the one before them. */
const second = new Set(["bundle import", "unhold"]);

/** The table of commands in README.md. Those of `recipe`, for authors, share one row. */
export function renderCommandTable(): string {
  const rows: Command[][] = [];
  for (const command of commands.filter(({ verb }) => verb !== "recipe")) {
    const { verb, sub } = command;
    if (second.has([verb, sub].filter(Boolean).join(" "))) rows.at(-1)?.push(command);
    else rows.push([command]);
  }
  const lines = rows.map((row) => {
    const words = row.map((command) => `\`${commandWords(command)}\``);
    return `| ${words.join(", ")} | ${row.map(({ summary }) => summary).join("; ")} |`;
  });
  const subs = commands.filter(({ verb }) => verb === "recipe").map(({ sub }) => `\`${sub}\``);
  const recipes = `| \`recipe ...\` | [recipes](recipes/README.md#add-a-tool), for authors: ${subs.join(", ")} |`;
  return ["| command | what it does |", "| --- | --- |", ...lines, recipes, ""].join("\n");
}
