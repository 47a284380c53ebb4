/**
 * What `work` returns, or undefined if it throws anything: for hints, optional data, and foreign
 * environments. Never use it to check whether a file exists.
 */
export function orNothing<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
