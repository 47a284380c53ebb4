/** A sample of the soak test of `watch`; `npm run test:soak` is all of it. */
import type { Case } from "./case.ts";
import { runSoak } from "./soak/soak.ts";

export const cases: readonly Case[] = [
  {
    name: "watch: changes of skills, config and volume at random, with kills",
    tries: { bounded: 8, full: 300 },
    async run(tries) {
      const seed = 7; // the same changes each time: others are for test:soak
      process.stderr.write(`SOAK_CHANGES=${tries} SOAK_SEED=${seed}\n`);
      const tally = await runSoak(tries, seed);
      return { tries: tally.count(), ...tally.result() };
    },
  },
];
