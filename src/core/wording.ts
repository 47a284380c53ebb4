/** Parts of messages. */

/** `1 tool`, `2 tools`. `many` is an irregular plural. */
export function plural(count: number, word: string, many = `${word}s`): string {
  return `${count} ${count === 1 ? word : many}`;
}

/** `a, b, c and 37 more`: the first names of a list and the number of the others. */
export function nameSome(names: readonly string[], most = 5): string {
  const shown = names.length <= most + 1 ? names : names.slice(0, most); // "and 1 more" would be no shorter
  const more = names.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** Some lines of what a program said, as one: from the end if `from` is negative. */
export function saidIn(output: string, from: number, to?: number): string {
  return output.trim().split("\n").slice(from, to).join(" | ");
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

/** The hint about a name that nothing has: the nearest one, else where names are listed. */
export function didYouMean(near: string | undefined, otherwise: string): string {
  return near === undefined ? otherwise : `Did you mean ${near}?`;
}

/** `completion tcsh: no such shell`; without a word `completion: no shell is named`. */
export function unknownWord(command: string, words: readonly string[], what: string): string {
  const said = words.join(" ");
  return said === "" ? `${command}: no ${what} is named` : `${command} ${said}: no such ${what}`;
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
