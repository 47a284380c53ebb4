/** `1 tool`, `2 tools`. `many` is the word's plural where that is not the word and an s. */
export function plural(count: number, word: string, many = `${word}s`): string {
  return `${count} ${count === 1 ? word : many}`;
}
