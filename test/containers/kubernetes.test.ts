/**
 * The Kubernetes example, played by podman, with what the kubelet does to its volumes before; and pods
 * of other users on the same volume. Needs what sandbox.test.ts needs.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { type FsGroup, startPod } from "../support/kubelet.ts";
import { repository } from "../support/workplace.ts";
import { certificates, certificatesThere, host, logsOf, withoutLimits } from "./host.ts";

const example = readFileSync(join(repository, "entrypoint/kubernetes.example.yaml"), "utf8");
/** What the gateway is in these tests: it shows who it is, and whether it finds a program. */
const gateway = "id; ast-grep --version; echo >/opt/openclaw/mine; echo started; exec sleep 600";
const none = "http://127.0.0.1:9/";
const volumes = ["skills", "state", "tmp", "cache"];

let dir: string;
let plays = 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kubernetes-"));
  chmodSync(dir, 0o755);
  // As new disks have it: root's, and only root may write.
  for (const name of volumes) mkdirSync(join(dir, name));
  const skill = join(repository, "test/fixtures/sample-skills/code-search");
  cpSync(skill, join(dir, "state/skills/search"), { recursive: true });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface Play {
  readonly registry?: string;
  /** Instead of the example's. */
  readonly securityContext?: Readonly<Record<string, unknown>>;
}

interface Played {
  /** The init container's output. */
  readonly filled: string;
  readonly gateway: string;
}

/**
 * Starts the example's pod as a node does, until the gateway has said that it started; then ends it.
 * The init container is a pod of its own, before the other: podman 4.3 waits for its end for 20 seconds.
 */
async function play({
  registry = inject("registry"),
  securityContext,
}: Play = {}): Promise<Played> {
  const { spec, ...rest } = podOf(registry);
  if (securityContext) spec.securityContext = securityContext;
  const { fsGroup, fsGroupChangePolicy: policy = "Always" } = spec.securityContext;
  if (fsGroup !== undefined) {
    for (const volume of volumes) startPod(join(dir, volume), { fsGroup, policy } as FsGroup);
  }
  const { initContainers, ...main } = spec;
  const filling = { ...main, containers: initContainers, restartPolicy: "Never" };
  const filled = await playPod({ ...rest, spec: filling }, hasEnded);
  const isUp = (container: string) => logsOf(container, /^started$/m);
  return { filled, gateway: await playPod({ ...rest, spec: main }, isUp) };
}

/** The output of a pod's container, once `until` gives it. */
async function playPod(pod: Pod, until: (container: string) => Promise<string>): Promise<string> {
  const name = `kubernetes-${process.pid}-${plays++}`;
  const file = join(dir, `${name}.yaml`);
  const document = { apiVersion: "v1", kind: "Pod", ...pod, metadata: { ...pod.metadata, name } };
  writeFileSync(file, stringify(document, { aliasDuplicateObjects: false }));
  const podman = withoutLimits(dir);
  try {
    const played = await podman`podman kube play --network host ${file}`;
    expect(played.exitCode, played.stderr).toBe(0);
    return await until(`${name}-${pod.spec.containers[0]?.name}`);
  } finally {
    await podman`podman pod rm --force --time 0 ${name}`;
  }
}

async function hasEnded(container: string): Promise<string> {
  const status = () => host`podman inspect --format {{.State.Status}} ${container}`;
  while ((await status()).stdout.trim() === "running") await sleep(200);
  const { stdout, stderr } = await host`podman logs ${container}`;
  return stdout + stderr;
}

interface Pod {
  readonly metadata: object;
  // biome-ignore lint/suspicious/noExplicitAny: as Kubernetes has it
  readonly spec: any;
}

/** The example's, with what this machine's podman lacks. */
function podOf(registry: string): Pod {
  const documents = parseAllDocuments(example).map((document) => document.toJS());
  const { spec } = documents.find(({ kind }) => kind === "Deployment");
  const pod = spec.template.spec;
  // The claims, on directories that the test can look into, and what an ordinary network has anyway.
  pod.volumes = [
    ...volumes.map((volume) => hostPath(volume, join(dir, volume))),
    hostPath("ca", certificates),
  ];
  const env = { SSL_CERT_FILE: certificatesThere, npm_config_registry: registry };
  for (const container of [...pod.initContainers, ...pod.containers]) {
    container.image = inject("images").gateway;
    const own = container.env.filter(({ value }: { value?: string }) => value !== undefined);
    container.env = [...own, ...Object.entries(env).map(([key, value]) => ({ name: key, value }))];
    container.volumeMounts.push({ name: "ca", mountPath: certificatesThere, readOnly: true });
    // The base image's stand-in lacks the directory that OpenClaw lies in.
    container.workingDir = "/tmp";
  }
  pod.containers[0].args = ["sh", "-c", gateway];
  pod.containers[0].ports = [];
  return spec.template;
}

const hostPath = (name: string, path: string) => ({ name, hostPath: { path } });

/** The gateway's own look had nothing to do, and it finds the program. */
function expectVerified({ gateway }: Played): void {
  expect(gateway).toMatch(/nothing to do/);
  expect(gateway).toMatch(/^ast-grep 0\.51\.1$/m);
}

/** A link is gone: whoever runs next has something to do. */
const damage = (): void => rmSync(join(dir, "skills/bin/ast-grep"));

test("the init container fills the volume, the gateway finds the programs and can only read", async () => {
  const first = await play();
  expect(first.filled).toMatch(/2 installed/);
  expect(first.gateway).toMatch(/^uid=1000\(/m);
  expectVerified(first);
  expect(first.gateway).toMatch(/openclaw\/mine: Read-only file system/);
  const trees = readdirSync(join(dir, "skills/lib/ast-grep"));
  // A new start of the pod, where nothing can be fetched.
  const again = await play({ registry: none });
  expect(again.filled).toMatch(/nothing to do; programs present/); // sh's words
  expectVerified(again);
  expect(readdirSync(join(dir, "skills/lib/ast-grep"))).toEqual(trees);
});

test("fsGroup with the default policy: what the node touched is read, and not fetched again", async () => {
  const securityContext = { runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 };
  expect((await play({ securityContext })).filled).toMatch(/2 installed/);
  const again = await play({ securityContext, registry: none });
  expect(again.filled).toMatch(/nothing to do; 2 in/); // Node's words
  expectVerified(again);
});

test("OpenShift: users of no name and gid 0 share a volume, and each repairs it", async () => {
  for (const name of volumes) chmodSync(join(dir, name), 0o775);
  const user = (runAsUser: number) => ({ securityContext: { runAsUser, runAsGroup: 0 } });
  const first = await play(user(1000720000));
  expect(first.filled).toMatch(/2 installed/);
  expect(first.gateway).toMatch(/uid=1000720000\S* gid=0/);
  expectVerified(first);
  damage();
  const other = await play({ ...user(1000730000), registry: none });
  expect(other.filled).toMatch(/1 linked again/);
  expect(other.gateway).toMatch(/^uid=1000730000\S* gid=0/m);
  expectVerified(other);
  expect(existsSync(join(dir, "skills/bin/ast-grep"))).toBe(true);
});
