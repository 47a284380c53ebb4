import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { Workplace } from "./workplace.ts";

/**
 * Opens a workplace for each test of a file, and closes it. What it returns is for a describe whose tests
 * leave the volume whole: they follow each other in one workplace, prepared once.
 *
 *   const share = perTest(open, (opened) => { place = opened; });
 *   describe("rows", () => {
 *     share(async () => { await place.run(); });
 *     test.each(…)
 *   });
 */
export function perTest<Place extends Workplace>(
  open: () => Promise<Place>,
  use: (place: Place) => void,
): (prepare: () => Promise<void>) => void {
  let shared: Place | undefined;
  let current: Place | undefined;
  beforeEach(async () => {
    current = shared ?? (await open());
    use(current);
  });
  afterEach(async () => {
    if (current !== shared) await current?.close();
  });
  return (prepare) => {
    beforeAll(async () => {
      shared = await open();
      use(shared);
      await prepare();
    });
    afterAll(async () => {
      await shared?.close();
      shared = undefined;
    });
  };
}
