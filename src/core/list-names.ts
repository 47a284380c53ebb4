/** `a, b, c and 37 more`: the first names of a list and the number of the others. */
export function listNames(names: readonly string[], most = 5): string {
  const shown = names.length <= most + 1 ? names : names.slice(0, most); // "and 1 more" would be no shorter
  const more = names.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}
