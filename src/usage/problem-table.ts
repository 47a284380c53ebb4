import { problems } from "../core/problems/table.ts";

/** The README's table of all problems, ordered by their codes. */
export function renderProblemTable(): string {
  const rows = Object.entries(problems)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { kind, cause, remedy }]) => `| \`${code}\` | ${kind} | ${cause} | ${remedy} |`);
  return ["| code | kind | cause | what to do |", "| --- | --- | --- | --- |", ...rows, ""].join(
    "\n",
  );
}
