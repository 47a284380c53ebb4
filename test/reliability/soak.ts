/**
 * The soak test of `watch`: prints how often each kind of change was made, how soon it was noticed, and what
 * was wrong. Exit status 1 where anything is.
 *
 *   SOAK_CHANGES=2000 SOAK_SEED=1 node test/reliability/soak.ts
 */
import { runSoak } from "./soak/soak.ts";

const count = Number(process.env.SOAK_CHANGES ?? 2000);
const seed = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);
process.stderr.write(`SOAK_CHANGES=${count} SOAK_SEED=${seed}\n`);
const tally = await runSoak(count, seed);
const { wrong, stale } = tally.result();
process.stdout.write(tally.table());
process.stdout.write(`${wrong.length} wrong, ${stale} stale\n`);
process.exitCode = wrong.length + stale > 0 ? 1 : 0;
