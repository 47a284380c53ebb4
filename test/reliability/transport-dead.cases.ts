/** Sources that let one wait: how long, and who else has to wait for them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Workplace } from "../support/workplace.ts";
import type { Case } from "./case.ts";
import { mute, unaccepting } from "./support/faults.ts";
import { isRoot } from "./support/mounts.ts";
import {
  type Goods,
  judge,
  type OfferOptions,
  offer,
  type RunOptions,
  repeat,
  runBuilt,
  staleIn,
  type Tried,
} from "./support/trial.ts";

interface Source {
  readonly options: OfferOptions;
  readonly run?: RunOptions;
  close?(): void;
}

interface Dead {
  readonly name: string;
  readonly says: RegExp;
  /** Of the server's origin. */
  make(): Promise<Source>;
}

const inVain = /the download stalled for \d+ s|did not (answer|accept)/;
const at = (port: number, scheme = "http"): string[] => [
  `${scheme}://127.0.0.1:${port}/zog.tar.gz`,
];

const deadSources: readonly Dead[] = [
  { name: "silent", says: inVain, make: async () => ({ options: { fault: "silent" } }) },
  { name: "drip", says: inVain, make: async () => ({ options: { fault: "drip" } }) },
  {
    name: "hanging body",
    says: /the download stalled|stopped sending/,
    make: async () => ({ options: { fault: "hang" } }),
  },
  {
    name: "429 with an hour's Retry-After, always",
    says: /responded with 429|the download stalled/,
    make: async () => ({
      options: { fault: "status", status: 429, headers: { "retry-after": "3600" } },
    }),
  },
  {
    name: "connections that nobody accepts",
    says: inVain,
    async make() {
      const { port, close } = await unaccepting();
      return { options: { only: at(port) }, close };
    },
  },
  {
    name: "a TLS handshake without an answer",
    says: inVain,
    async make() {
      const { port, close } = await mute();
      return { options: { only: at(port, "https") }, close };
    },
  },
  {
    name: "a proxy that says nothing",
    says: /the download stalled[\s\S]*A proxy is set/,
    async make() {
      const { port, close } = await mute();
      const env = { HTTPS_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: "127.0.0.1" };
      const only = ["https://releases.invalid/zog.tar.gz"];
      return { options: { only }, run: { env }, close };
    },
  },
];

/** Seconds from now until a program is linked in the volume, looked at while the run goes on. */
async function linkedAfter(place: Workplace, goods: Goods): Promise<number> {
  const began = performance.now();
  const path = join(place.prefix, "bin", goods.tool);
  while (!existsSync(path) && performance.now() - began < 100_000) await sleep(20);
  return (performance.now() - began) / 1000;
}

async function tryDead(place: Workplace, { make, says, name }: Dead): Promise<Tried> {
  const { options, run = {}, close } = await make();
  try {
    const zog = offer(place, "zog", options);
    const fine = [offer(place, "fine"), offer(place, "good")];
    const seen = Promise.all(fine.map((goods) => linkedAfter(place, goods)));
    const ran = await runBuilt(place, run);
    const expected = { status: 5, within: 60, says, installed: fine, absent: [zog] };
    const wrong = judge(ran, expected, place.prefix);
    const late = Math.max(...(await seen));
    if (late > 8) wrong.push(`the others were there after ${late.toFixed(1)} s`);
    const stale = staleIn(place.prefix, [zog, ...fine]);
    return { wrong: wrong.map((line) => `${name}: ${line}`), stale };
  } finally {
    close?.();
  }
}

/** More dead sources than places: those that wait must not hold theirs. */
async function tryCrowd(place: Workplace): Promise<Tried> {
  const dead = ["ant", "bee", "cat"].map((tool) => offer(place, tool, { fault: "silent" }));
  const fine = offer(place, "zog");
  const seen = linkedAfter(place, fine);
  const ran = await runBuilt(place, { args: ["--jobs", "1"] });
  const expected = { status: 5, within: 60, says: inVain, installed: [fine], absent: dead };
  const wrong = judge(ran, expected, place.prefix);
  const late = await seen;
  if (late > 8) wrong.push(`the living one was there after ${late.toFixed(1)} s`);
  return { wrong, stale: staleIn(place.prefix, [fine]) };
}

/** Two programs whose first source is dead, and whose second one is not. */
async function trySecond(place: Workplace, { make, name }: Dead): Promise<Tried> {
  const { options, close } = await make();
  try {
    const decoy = offer(place, "decoy", { ...options, bytes: 1_000_000 });
    const before = options.only ?? [decoy.url];
    const both = ["ant", "bee"].map((tool) => offer(place, tool, { before }));
    const ran = await runBuilt(place, { args: ["ant", "bee"] });
    const wrong = judge(ran, { status: 0, within: 14, installed: both }, place.prefix);
    return { wrong: wrong.map((line) => `${name}: ${line}`), stale: staleIn(place.prefix, both) };
  } finally {
    close?.();
  }
}

async function tryNoNetwork(place: Workplace, n: number): Promise<Tried> {
  const zog = offer(place, "zog", { only: ["https://releases.invalid/zog.tar.gz"] });
  const isStrict = n % 2 === 1;
  const through = ["unshare", "--net", "--"];
  const ran = await runBuilt(place, { through, args: isStrict ? ["--strict"] : [] });
  const says = /there is no network here/;
  const expected = { status: isStrict ? 3 : 0, within: 2, says, absent: [zog] };
  return { wrong: judge(ran, expected, place.prefix), stale: staleIn(place.prefix, [zog]) };
}

const seconds = deadSources.filter(({ name }) => !name.includes("proxy"));

export const cases: readonly Case[] = [
  {
    name: "network: dead sources, which delay no other and end within a minute",
    tries: { bounded: deadSources.length + 1, full: 3 * (deadSources.length + 1) },
    run: (tries) =>
      repeat(tries, deadSources.length + 1, async (place, n) => {
        const dead = deadSources[n % (deadSources.length + 1)];
        return dead ? await tryDead(place, dead) : await tryCrowd(place);
      }),
  },
  {
    name: "network: the first source is dead, the second is taken within seconds",
    tries: { bounded: 3, full: 3 * seconds.length },
    run: (tries) =>
      repeat(tries, seconds.length, (place, n) =>
        trySecond(place, seconds[n % seconds.length] as Dead),
      ),
  },
  {
    name: `network: none at all, told at once${isRoot ? "" : " (skipped: needs root)"}`,
    tries: isRoot ? { bounded: 2, full: 20 } : { bounded: 0, full: 0 },
    run: (tries) => repeat(tries, 2, tryNoNetwork),
  },
];
