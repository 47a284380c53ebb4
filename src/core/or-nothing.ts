/**
 * What `work` returns, or undefined where it throws, whatever it throws: for hints, for what is only good
 * to have, and for places that are nobody's here. Never to find out whether a file is there.
 */
export function orNothing<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
