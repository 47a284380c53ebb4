import type { Logger } from "./openclaw.ts";

/** Wraps callbacks: an exception that leaves one ends the whole gateway. */
export type Guard = <Arguments extends readonly unknown[]>(
  what: string,
  callback: (...given: Arguments) => unknown,
) => (...given: Arguments) => Promise<void>;

/**
 * A wrapper that logs what its callback throws, or what the callback's promise is rejected with. The
 * promise that it gives is never rejected.
 */
export function createGuard(logger: () => Logger): Guard {
  const report = (what: string, error: unknown): void => {
    try {
      logger().error(`skill-deps: ${what}: ${messageOf(error)}`);
    } catch {
      // The gateway has closed its log: there is nobody left to tell.
    }
  };
  return (what, callback) =>
    (...given) => {
      try {
        return Promise.resolve(callback(...given)).then(
          () => undefined,
          (error: unknown) => report(what, error),
        );
      } catch (error) {
        report(what, error);
        return Promise.resolve();
      }
    };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
