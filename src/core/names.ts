/** Names that become path segments. Rejected names never reach a path or a command. */

const binName = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/;
const toolName = /^[a-z0-9][a-z0-9._+-]*$/;
const version = /^[A-Za-z0-9][A-Za-z0-9._+~-]*$/;
const maxLength = 100;

/** True for a plain program name such as `gog` or `g++`; false for `../sh`, `a b`, `-rf`, ``. */
export function isBinName(text: string): boolean {
  return text.length <= maxLength && binName.test(text);
}

/** True for a recipe's name: lower case, a plain file name. */
export function isToolName(text: string): boolean {
  return text.length <= maxLength && toolName.test(text);
}

/** True for a version that can be a directory's name. */
export function isVersion(text: string): boolean {
  return text.length <= maxLength && version.test(text);
}

/** True for the name of an npm package; registries of companies have some with capitals. */
export function isNpmName(text: string): boolean {
  return /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i.test(text);
}

/**
 * True for a relative path of plain segments below its root: no `..`, no `.`, no empty segment, no
 * leading `/`, no backslash, no control character.
 */
export function isRelativePath(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (text.length === 0 || text.length > 1000 || /[\\\u0000-\u001f\u007f]/.test(text)) return false;
  return text.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

/** The candidate nearest to a mistyped word, for "did you mean": at most two edits away. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const most = word.length < 5 ? 1 : 2;
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= most && distance < word.length && distance < (best?.distance ?? 3)) {
      best = { candidate, distance };
    }
  }
  return best?.candidate;
}

function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  const rows = [Array.from({ length: b.length + 1 }, (_, i) => i)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 3;
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j += 1) {
      const isSame = a[i - 1] === b[j - 1];
      // Two swapped letters count as one edit.
      const isTurned = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const turned = isTurned ? at(i - 2, j - 2) + 1 : 3;
      row.push(
        Math.min(at(i - 1, j - 1) + (isSame ? 0 : 1), at(i - 1, j) + 1, at(i, j - 1) + 1, turned),
      );
    }
  }
  return at(a.length, b.length);
}
