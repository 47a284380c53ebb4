/** Volumes as Kubernetes gives them to pods: groups, uids that nobody knows, subPath, projected files. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isRoot } from "../reliability/support/mounts.ts";
import { answer, builtCopy, offer, type Ran, runBuilt } from "../reliability/support/trial.ts";
import { makeSubPath, type PodUser, podUser, project, startPod } from "../support/kubelet.ts";
import { pathWithoutNode } from "../support/without-node.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
/** Where the pods' containers have the volume. */
let prefix: string;

beforeEach(async () => {
  place = await openWorkplace();
  builtCopy();
  chmodSync(place.dir, 0o755);
  chmodSync(place.home, 0o777); // each pod's own
  // As a new disk has it.
  mkdirSync(join(place.prefix, "lost+found"), { recursive: true, mode: 0o700 });
  prefix = place.prefix;
  for (const tool of ["zog", "fine"]) offer(place, tool);
});
afterEach(() => place.close());

interface PodRun extends Ran {
  /** sh answered. */
  readonly alone: boolean;
  readonly requests: number;
}

/** What a pod's container runs first. */
async function pod(user: PodUser, ...args: string[]): Promise<PodRun> {
  return await podThrough(podUser(user), ...args);
}

async function podThrough(through: readonly string[], ...args: string[]): Promise<PodRun> {
  const [node, asked] = [join(place.home, "node"), join(place.home, "asked")];
  writeFileSync(node, `#!/bin/sh\n: >'${asked}'\nexec '${process.execPath}' "$@"\n`);
  chmodSync(node, 0o755);
  const before = place.server.hits();
  const env = { OPENCLAW_SKILL_DEPS_NODE: node };
  const ran = await runBuilt(place, { through, args, env, prefix, entrypoint: true });
  const alone = !existsSync(asked);
  rmSync(asked, { force: true });
  return { ...ran, alone, requests: place.server.hits() - before };
}

const programs = (): unknown[] => ["zog", "fine"].map((tool) => answer(prefix, tool));
const all = ["1.0.0\n", "1.0.0\n"];

/** A link is gone and a program is empty. */
function damage(): void {
  const program = realpathSync(join(prefix, "bin/fine"));
  rmSync(join(prefix, "bin/zog"));
  writeFileSync(program, "");
}

async function expectDone(ran: Promise<PodRun>, says: RegExp): Promise<void> {
  const { stderr, status } = await ran;
  expect(stderr).toMatch(says);
  expect(status, stderr).toBe(0);
  expect(programs()).toEqual(all);
}

const users: [name: string, user: PodUser & { fsGroup: number }][] = [
  ["runAsUser, runAsGroup and fsGroup 1000", { uid: 1000, gid: 1000, fsGroup: 1000 }],
  ["another group than the volume's", { uid: 1000, gid: 3000, fsGroup: 2000 }],
  ["a uid that nobody knows, gid 0", { uid: 1000720000, gid: 0, fsGroup: 1000720000 }],
];

describe.runIf(isRoot).each(users)("fsGroup, %s", (_, user) => {
  test("Always: each start reads what was touched, and fetches nothing", async () => {
    const start = { fsGroup: user.fsGroup, policy: "Always" } as const;
    startPod(prefix, start);
    await expectDone(pod(user), /2 installed/);
    const trees = readdirSync(join(prefix, "lib/zog"));
    for (let n = 0; n < 3; n += 1) {
      startPod(prefix, start);
      const ran = await pod(user, "--strict");
      expect(ran.stderr).toMatch(/nothing to do/);
      expect(ran).toMatchObject({ status: 0, alone: false, requests: 0 });
      expect(await pod(user)).toMatchObject({ status: 0, alone: true });
    }
    expect(readdirSync(join(prefix, "lib/zog"))).toEqual(trees);
    expect(programs()).toEqual(all);
  });

  test("OnRootMismatch: sh answers alone", async () => {
    const start = { fsGroup: user.fsGroup, policy: "OnRootMismatch" } as const;
    startPod(prefix, start);
    await expectDone(pod(user), /2 installed/);
    for (let n = 0; n < 2; n += 1) {
      startPod(prefix, start);
      expect(await pod(user, "--strict")).toMatchObject({ status: 0, alone: true });
    }
    damage();
    startPod(prefix, start);
    await expectDone(pod(user), /1 installed, 1 linked again/);
  });

  test("a container without Node that may only read verifies what was touched", async () => {
    const start = { fsGroup: user.fsGroup, policy: "Always" } as const;
    startPod(prefix, start);
    await expectDone(pod(user), /2 installed/);
    startPod(prefix, start);
    const words = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
    const readOnly = ["unshare", "--mount", "sh", "-c", words, prefix];
    const env = { OPENCLAW_SKILL_DEPS_NODE: "/none", PATH: pathWithoutNode() };
    const through = [...readOnly, ...podUser(user)];
    const options = { through, env, prefix, args: ["--strict"], entrypoint: true };
    const ran = await runBuilt(place, options);
    expect(ran.stderr).toMatch(/nothing to do/);
    expect(ran.status).toBe(0);
    damage();
    expect((await runBuilt(place, options)).status).toBe(3);
  });
});

const shared: [name: string, prepare: () => void, gids: [number, number], fsGroup?: number][] = [
  ["root:root 0775, both of gid 0", () => chmodSync(prefix, 0o775), [0, 0]],
  ["root:root 2775, both of gid 0", () => chmodSync(prefix, 0o2775), [0, 0]],
  ["fsGroup, other groups", () => startOnce(), [3000, 4000], 1000],
  [
    "a subPath of it",
    () => {
      startOnce();
      prefix = makeSubPath(place.prefix, "skills");
    },
    [3000, 4000],
    1000,
  ],
];
const startOnce = (): void => startPod(prefix, { fsGroup: 1000, policy: "OnRootMismatch" });

describe.runIf(isRoot).each(shared)("two pods of other uids: %s", (_, prepare, gids, group) => {
  const fsGroup = group === undefined ? {} : { fsGroup: group };
  const [one, other] = [
    { uid: 1000720000, gid: gids[0], ...fsGroup },
    { uid: 1000730000, gid: gids[1], ...fsGroup },
  ];
  const closed = ["sh", "-c", 'umask 077 && exec "$@"', "sh"];

  test("each installs, repairs, replaces and removes what the other one has installed", async () => {
    prepare();
    await expectDone(pod(one), /2 installed/);
    expect(await pod(other)).toMatchObject({ status: 0, alone: true });
    damage();
    await expectDone(pod(other), /1 installed, 1 linked again/);
    damage();
    await expectDone(pod(one), /1 installed, 1 linked again/);
    await expectDone(pod(other, "-f", "zog"), /1 installed/);
    expect(await pod(one, "gc")).toMatchObject({ status: 0 });
    expect(readdirSync(join(prefix, "lib/zog"))).toHaveLength(1);
    expect((await pod(other, "remove", "fine")).status).toBe(0);
    expect(existsSync(join(prefix, "bin/fine"))).toBe(false);
  });

  test("whatever umask they have", async () => {
    prepare();
    await expectDone(podThrough([...podUser(one), ...closed]), /2 installed/);
    damage();
    await expectDone(podThrough([...podUser(other), ...closed]), /1 installed, 1 linked again/);
  });

  test("both at once, while a third one starts", async () => {
    prepare();
    const walk = setInterval(() => {
      if (group !== undefined) startPod(place.prefix, { fsGroup: group, policy: "Always" });
    }, 10);
    try {
      const runs = await Promise.all([pod(one), pod(other)]);
      expect(runs.map(({ status }) => status)).toEqual([0, 0]);
    } finally {
      clearInterval(walk);
    }
    await expectDone(pod({ ...one, uid: 5000 }, "--offline", "--strict"), /nothing to do/);
    expect(readdirSync(join(prefix, "lib/.staging"))).toEqual([]);
  });
});

describe.runIf(isRoot)("who may not write there", () => {
  const owner = { uid: 1000, gid: 1000 };
  const other = { uid: 2000, gid: 2000 };

  test.each([
    ["all may write to its own directory", 0o777],
    ["sticky", 0o1777],
  ])("fails, and takes nothing from others: %s", async (_, mode) => {
    chmodSync(prefix, mode);
    await expectDone(pod(owner), /2 installed/);
    rmSync(join(prefix, "bin/zog"));
    const before = place.snapshot();
    const { status, stderr } = await pod(other);
    expect(stderr).toMatch(/cannot write to .*\[E_PERMISSION\][\s\S]*hint: /);
    expect(status).toBe(5);
    expect(place.snapshot()).toEqual(before);
    await expectDone(pod(owner), /1 linked again/);
  });

  test("nobody but the owner may write where the volume is not its group's", async () => {
    chmodSync(prefix, 0o777);
    await expectDone(pod(owner), /2 installed/);
    const writable = readdirSync(prefix, { recursive: true })
      .map((name) => join(prefix, `${name}`))
      .filter((path) => existsSync(path) && (statSync(path).mode & 0o022) !== 0);
    expect(writable).toEqual([]);
  });
});

describe("projected files", () => {
  const text = (tool: string) => readFileSync(join(place.skills, tool, "SKILL.md"), "utf8");
  const run = (...args: string[]) => podThrough([], ...args);

  test("skills of a ConfigMap are each read once; an update counts when it changes something", async () => {
    const [zog, fine] = [text("zog"), text("fine")];
    rmSync(place.skills, { recursive: true });
    project(place.skills, { "zog/SKILL.md": zog });
    expect((await run()).stderr).toMatch(/1 installed/);
    expect(await run()).toMatchObject({ status: 0, alone: true });
    const { skills } = JSON.parse((await run("requirements", "--json")).stdout);
    expect(skills).toMatchObject([{ name: "zog", file: join(place.skills, "zog/SKILL.md") }]);

    project(place.skills, { "zog/SKILL.md": zog });
    expect(await run()).toMatchObject({ status: 0, alone: true });
    project(place.skills, { "zog/SKILL.md": zog, "fine/SKILL.md": fine });
    expect((await run()).stderr).toMatch(/1 installed/);
    expect(programs()).toEqual(all);
  });

  test("a ConfigMap for each skill, and one for the recipes", async () => {
    const recipes = Object.fromEntries(
      readdirSync(place.recipes).map((name) => [
        name,
        readFileSync(join(place.recipes, name), "utf8"),
      ]),
    );
    const texts = [text("zog"), text("fine")] as const;
    for (const dir of [place.skills, place.recipes]) rmSync(dir, { recursive: true });
    project(place.recipes, recipes);
    project(join(place.skills, "zog"), { "SKILL.md": texts[0] });
    project(join(place.skills, "fine"), { "SKILL.md": texts[1] });
    expect((await run()).stderr).toMatch(/2 installed/);
    project(place.recipes, recipes);
    expect(await run()).toMatchObject({ status: 0, alone: true });
    expect(programs()).toEqual(all);
  });
});
