import { problems } from "../core/problems/table.ts";

const head = `# Problems

Every error and warning ends its first line with a code: \`error: gog: ... [E_DISK_FULL]\`. With \`--json\` the code
is the field \`problem\` of errors, failures, warnings and unmet programs. Codes are stable; messages may change.
The kind decides the exit status (see [README](README.md#options)).

| code | kind | cause | what to do |
| --- | --- | --- | --- |
`;

/** The text of problems.md: all problems, ordered by code. */
export function renderProblems(): string {
  const rows = Object.entries(problems)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { kind, cause, remedy }]) => `| \`${code}\` | ${kind} | ${cause} | ${remedy} |\n`);
  return head + rows.join("");
}
