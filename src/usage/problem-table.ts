import { exitStatusFor } from "../core/errors.ts";
import type { Problem, ProblemKind } from "../core/problems/problem.ts";
import { problems } from "../core/problems/table.ts";

const isFailure = (kind: Problem["kind"]): kind is ProblemKind => kind !== "warning";
const kinds = [...new Set(Object.values(problems).map(({ kind }) => kind))].filter(isFailure);
const kindsOf = (status: number): string =>
  kinds
    .filter((kind) => exitStatusFor([kind], true) === status)
    .sort()
    .join(", ");

const head = `# Problems

Every error and warning ends its first line with a code: \`error: gog: ... [E_DISK_FULL]\`. With \`--json\` the code
is the field \`problem\` of errors, failures, warnings and unmet programs. Codes are stable; messages may change.
The kind decides the [exit status](README.md#options):

| status | kinds |
| --- | --- |
| 0, with \`--strict\` 3 | ${kindsOf(3)} |
| 2 | ${kindsOf(2)} |
| 4 | ${kindsOf(4)} |
| 5 | ${kindsOf(5)} |
| no change | warning |

Exceptions: with \`E_BUG\` the status is 1; \`health\` ends with 5 and \`E_NOT_WATCHING\`; where there is no Node
(\`E_NO_NODE\`), a run for a NAME, or another verb that needs Node, ends with 2 (with \`--strict\` 3).

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
