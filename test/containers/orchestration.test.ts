/**
 * The compose and Kubernetes examples: by their schemas, and run by what can run them here
 * (podman-compose, podman kube play). Needs what sandbox.test.ts needs, and Python with venv.
 */
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parse, parseAllDocuments, stringify } from "yaml";
import { $ } from "zx";
import { repository } from "../support/workplace.ts";

const image = "localhost/openclaw-skills-gateway";
const composeFile = join(repository, "entrypoint/compose.example.yaml");
const kubernetesFile = join(repository, "entrypoint/kubernetes.example.yaml");
const packages = [
  "check-jsonschema==0.39.0",
  "kubernetes-validate==1.37.0",
  "podman-compose==1.6.0",
];
const certificates = process.env.SSL_CERT_FILE ?? "/etc/ssl/certs/ca-certificates.crt";
const certificatesThere = "/etc/ssl/certs/ca-certificates.crt";
/** What the gateway is in these tests: it shows whether it finds a program, and stays. */
const gateway = ["sh", "-c", "ast-grep --version; echo started; exec sleep 600"];

const env = {
  ...process.env,
  CONTAINERS_CONF: join(repository, "test/containers/containers.conf"),
};
const host = $({ cwd: repository, quiet: true, nothrow: true, env });

let python: string;
let dir: string;
let environment: Record<string, string>;

beforeAll(async () => {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const venv = join(cache, "openclaw-install-skill-deps", packages.join("_").replaceAll("=", ""));
  python = join(venv, "bin");
  if (!existsSync(join(venv, "whole"))) {
    await $({ quiet: true })`python3 -m venv ${venv}`;
    await $({ quiet: true })`${python}/pip install --quiet ${packages}`;
    writeFileSync(join(venv, "whole"), "");
  }
  const registry = (await host`npm config get registry`).stdout.trim();
  environment = { SSL_CERT_FILE: certificatesThere, npm_config_registry: registry };
});
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "orchestration-"));
  for (const name of ["volume", "state"]) mkdirSync(join(dir, name));
  cpSync(
    join(repository, "test/fixtures/sample-skills/code-search"),
    join(dir, "state/skills/search"),
    {
      recursive: true,
    },
  );
  for (const name of ["volume", "state"]) chownSync(join(dir, name), 1000, 1000);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
afterAll(async () => {});

function write(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

describe("compose.example.yaml", () => {
  test("is valid by the compose specification", async () => {
    const check = $({
      quiet: true,
      nothrow: true,
    })`${python}/check-jsonschema --builtin-schema vendor.compose-spec ${composeFile}`;
    const { exitCode, stdout } = await check;
    expect(exitCode, stdout).toBe(0);
    const wrong = write(
      "wrong.yaml",
      readFileSync(composeFile, "utf8").replace("depends_on", "needs"),
    );
    const checked = await $({
      quiet: true,
      nothrow: true,
    })`${python}/check-jsonschema --builtin-schema vendor.compose-spec ${wrong}`;
    expect(checked.exitCode).toBe(1);
  });

  test("the provisioner fills the volume, the gateway finds the programs", async () => {
    const up = await compose({});
    expect(up).toMatch(/2 installed/);
    expect(up).toMatch(/nothing to do/);
    expect(up).toMatch(/ast-grep 0\.51\.1/);
    expect(up).toMatch(/started/);
    expect(existsSync(join(dir, "volume/bin/ast-grep"))).toBe(true);
  });

  test("the gateway starts although nothing could be installed", async () => {
    const up = await compose({ npm_config_registry: "http://127.0.0.1:9/" });
    expect(up).toMatch(/the run failed \(status 5\); starting true all the same/);
    expect(up).toMatch(/started/);
  });
});

/** Brings the services up until the gateway says that it started; their output. */
async function compose(more: Record<string, string>): Promise<string> {
  const project = `orchestration-${process.pid}-${Date.now()}`;
  const volumes = [`${certificates}:${certificatesThere}:ro`];
  const common = { image, environment: { ...environment, ...more }, network_mode: "host", volumes };
  const services = {
    "skill-deps": common,
    "openclaw-gateway": { ...common, command: gateway },
  };
  const over = write("over.yaml", stringify({ services }, { aliasDuplicateObjects: false }));
  const files = ["--file", composeFile, "--file", over, "--project-name", project];
  const run = $({
    cwd: dir,
    quiet: true,
    nothrow: true,
    env: { ...env, OPENCLAW_VOLUME: `${dir}/volume`, OPENCLAW_CONFIG_DIR: `${dir}/state` },
  });
  const command = ["--in-pod", "false", ...files];
  try {
    const up = await run`${python}/podman-compose ${command} up --no-build --detach`;
    if (up.exitCode !== 0) return up.stdout + up.stderr;
    const logs = await logsOf(`${project}_openclaw-gateway_1`);
    const provisioner = await host`podman logs ${`${project}_skill-deps_1`}`;
    return `${up.stdout}${up.stderr}${provisioner.stdout}${provisioner.stderr}${logs}`;
  } finally {
    await run`${python}/podman-compose ${command} down --timeout 0`;
  }
}

/** What a container has said once it has said `started`; at the latest after a minute. */
async function logsOf(container: string): Promise<string> {
  let said = "";
  for (let tries = 0; tries < 120 && !/^started$/m.test(said); tries += 1) {
    const { stdout, stderr } = await host`podman logs ${container}`;
    said = stdout + stderr;
    await sleep(500);
  }
  return said;
}

describe("kubernetes.example.yaml", () => {
  test("is valid by Kubernetes' own schemas", async () => {
    const validate = $({ quiet: true, nothrow: true });
    const { exitCode, stdout } =
      await validate`${python}/kubernetes-validate --strict ${kubernetesFile}`;
    expect(exitCode, stdout).toBe(0);
    const text = readFileSync(kubernetesFile, "utf8").replace("initContainers", "initContainer");
    const wrong =
      await validate`${python}/kubernetes-validate --strict ${write("wrong.yaml", text)}`;
    expect(wrong.exitCode).not.toBe(0);
  });

  test("the init container fills the volume, the gateway finds the programs", async () => {
    const text = readFileSync(kubernetesFile, "utf8");
    const documents = parseAllDocuments(text).map((document) => document.toJS());
    const deployment = documents.find(({ kind }) => kind === "Deployment");
    const name = `orchestration-${process.pid}`;
    deployment.metadata.name = name;
    // podman 4.3 removes an init container once it has ended, at times before it notices that.
    const annotations = { "io.podman.annotations.init.container.type": "always" };
    deployment.metadata.annotations = annotations;
    const pod = deployment.spec.template.spec;
    const hostPath = (path: string) => ({ hostPath: { path } });
    // The claims, on directories that the test can look into, and what an ordinary network has anyway.
    pod.volumes = [
      { name: "skills", ...hostPath(`${dir}/volume`) },
      { name: "state", ...hostPath(`${dir}/state`) },
      { name: "tmp", ...hostPath(`${dir}/scratch`) },
      { name: "ca", ...hostPath(certificates) },
    ];
    mkdirSync(join(dir, "scratch"), { mode: 0o777 });
    chownSync(join(dir, "scratch"), 1000, 1000);
    for (const container of [...pod.initContainers, ...pod.containers]) {
      container.image = image;
      container.env = Object.entries(environment).map(([key, value]) => ({ name: key, value }));
      container.volumeMounts.push({ name: "ca", mountPath: certificatesThere, readOnly: true });
    }
    // The base image's stand-in lacks the directory that OpenClaw lies in.
    for (const container of [...pod.initContainers, ...pod.containers])
      container.workingDir = "/tmp";
    pod.containers[0].args = gateway;
    pod.containers[0].ports = [];
    const kube = withoutLimits();
    const file = write("pod.yaml", stringify(deployment, { aliasDuplicateObjects: false }));
    try {
      const played = await kube`podman kube play --network host ${file}`;
      expect(played.exitCode, played.stderr).toBe(0);
      const said = await logsOf(`${name}-pod-0-gateway`);
      expect(said).toMatch(/nothing to do/);
      expect(said).toMatch(/ast-grep 0\.51\.1/);
      expect(existsSync(join(dir, "volume/bin/ast-grep"))).toBe(true);
    } finally {
      await kube`podman kube down ${file}`;
    }
  });
});

/** podman 4.3 cannot start a pod where default limits are configured, or are its own. */
function withoutLimits() {
  const text = readFileSync(env.CONTAINERS_CONF, "utf8");
  const none = text.replace(/^default_ulimits = .*$/m, "default_ulimits = []");
  const CONTAINERS_CONF = write("containers.conf", none);
  return $({ quiet: true, nothrow: true, env: { ...env, CONTAINERS_CONF } });
}

test("the examples agree with the images that Dockerfile.example builds", () => {
  const { services } = parse(readFileSync(composeFile, "utf8"));
  const dockerfile = readFileSync(join(repository, "Dockerfile.example"), "utf8");
  expect(dockerfile).toMatch(new RegExp(`AS ${services["skill-deps"].build.target}$`, "m"));
});
