import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { defaultRetryPolicy, type StallTimer, startStallTimer } from "../../src/net/retry.ts";

const policy = { ...defaultRetryPolicy, deadMs: 100, aliveBytes: 1000 };
/** Far beyond the policy's time and the last look behind it. */
const longMs = 1200;
let life: StallTimer;
afterEach(() => life.end());

function start(): StallTimer {
  life = startStallTimer(policy, undefined, () => {});
  return life;
}

test("a transfer without bytes is ended", async () => {
  start();
  await sleep(longMs);
  expect(life.signal.aborted).toBe(true);
});

test("so is one that drips", async () => {
  start();
  for (let i = 0; i < 12; i++) {
    life.alive(10);
    await sleep(longMs / 12);
  }
  expect(life.signal.aborted).toBe(true);
});

test("time that unpacking takes is not the server's; what comes after it is", async () => {
  start();
  await life.ours(sleep(longMs));
  expect(life.signal.aborted).toBe(false);
  await sleep(2 * longMs);
  expect(life.signal.aborted).toBe(true);
});

test("bytes that waited while the process was busy are seen first", async () => {
  start();
  const end = performance.now() + longMs;
  while (performance.now() < end) Math.sqrt(end); // nothing else runs meanwhile
  await sleep(1);
  life.alive(policy.aliveBytes);
  await sleep(policy.deadMs / 2);
  expect(life.signal.aborted).toBe(false);
});
