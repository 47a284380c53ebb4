/**
 * The compose and Kubernetes examples: by their schemas, against what `config` prints (which
 * from-nothing.test.ts starts), and played by podman. Needs what sandbox.test.ts needs, and Python with venv.
 */
import {
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { parse, parseAllDocuments, stringify } from "yaml";
import { $ } from "zx";
import { composeFile } from "../../src/core/topology-compose.ts";
import { fetchOpenClaw } from "../openclaw/package.ts";
import { repository } from "../support/workplace.ts";
import { certificates, certificatesThere, enginesConfig, logsOf, withoutLimits } from "./host.ts";
import { pythonTools } from "./python-tools.ts";

const image = "localhost/openclaw-skills-gateway";
const composeExample = join(repository, "entrypoint/compose.example.yaml");
const kubernetesExample = join(repository, "entrypoint/kubernetes.example.yaml");

const env = { ...process.env, CONTAINERS_CONF: enginesConfig };
const host = $({ cwd: repository, quiet: true, nothrow: true, env });

let python: string;
let dir: string;
let environment: Record<string, string>;

beforeAll(async () => {
  python = await pythonTools();
  environment = { SSL_CERT_FILE: certificatesThere, npm_config_registry: inject("registry") };
});
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "orchestration-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

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
    })`${python}/check-jsonschema --builtin-schema vendor.compose-spec ${composeExample}`;
    const { exitCode, stdout } = await check;
    expect(exitCode, stdout).toBe(0);
    const wrong = write(
      "wrong.yaml",
      readFileSync(composeExample, "utf8").replace("depends_on", "needs"),
    );
    const checked = await $({
      quiet: true,
      nothrow: true,
    })`${python}/check-jsonschema --builtin-schema vendor.compose-spec ${wrong}`;
    expect(checked.exitCode).toBe(1);
  });

  test("is what config prints for a provisioner", () => {
    const site = {
      packageDir: "..",
      npmPackage: "openclaw-install-skill-deps@0.1.0",
      source: "${OPENCLAW_VOLUME:-/srv/openclaw-volume}",
      state: "${OPENCLAW_CONFIG_DIR:-/srv/openclaw-state}",
    };
    expect(parse(readFileSync(composeExample, "utf8"))).toEqual(composeFile("provisioner", site));
  });

  test("the gateway starts although nothing could be installed", async () => {
    const project = `orchestration-${process.pid}`;
    for (const name of ["volume", "state"]) mkdirSync(join(dir, name));
    const fixture = join(repository, "test/fixtures/sample-skills/code-search");
    cpSync(fixture, join(dir, "state/skills/search"), { recursive: true });
    for (const name of ["volume", "state"]) chownSync(join(dir, name), 1000, 1000);
    const nowhere = { npm_config_registry: "http://127.0.0.1:9/", OPENCLAW_SKILL_TOOLS: "" };
    const service = { environment: nowhere, network_mode: "host" };
    const command = ["sh", "-c", "echo started; exec sleep 600"];
    const services = {
      "skill-deps": service,
      "openclaw-gateway": { ...service, command, ports: [] },
    };
    const over = write("over.yaml", stringify({ services }, { aliasDuplicateObjects: false }));
    const files = ["--file", composeExample, "--file", over, "--project-name", project];
    const settings = {
      OPENCLAW_VOLUME: `${dir}/volume`,
      OPENCLAW_CONFIG_DIR: `${dir}/state`,
      OPENCLAW_GATEWAY_TOKEN: "x",
      DOCKER_GID: "0",
      OPENCLAW_DOCKER_SOCKET: "/dev/null",
    };
    const run = $({ cwd: dir, quiet: true, nothrow: true, env: { ...env, ...settings } });
    const compose = ["--in-pod", "false", ...files];
    try {
      const up = await run`${python}/podman-compose ${compose} up --no-build --detach`;
      expect(up.exitCode, up.stderr).toBe(0);
      const provisioner = await host`podman logs ${`${project}_skill-deps_1`}`;
      expect(provisioner.stderr).toMatch(/the run failed \(status 5\); starting true anyway/);
      expect(await logsOf(`${project}_openclaw-gateway_1`, /^started$/m)).toMatch(/^started$/m);
    } finally {
      await run`${python}/podman-compose ${compose} down --timeout 0`;
    }
  });
});

describe("kubernetes.example.yaml", () => {
  test("is valid by Kubernetes' own schemas", async () => {
    const validate = $({ quiet: true, nothrow: true });
    const { exitCode, stdout } =
      await validate`${python}/kubernetes-validate --strict ${kubernetesExample}`;
    expect(exitCode, stdout).toBe(0);
    const text = readFileSync(kubernetesExample, "utf8").replace("initContainers", "initContainer");
    const wrong =
      await validate`${python}/kubernetes-validate --strict ${write("wrong.yaml", text)}`;
    expect(wrong.exitCode).not.toBe(0);
  });

  test("from nothing: the init container fills the volume, the real gateway starts with its programs", async () => {
    const name = `orchestration-${process.pid}`;
    const text = readFileSync(kubernetesExample, "utf8");
    // podman keeps claims and what emptyDir is by these names; they are to be this test's own.
    const volumes = /\b(name|claimName): (openclaw-skills|openclaw-state|tmp|cache)$/gm;
    const own = new Set([...text.matchAll(volumes)].map(([, , volume]) => `${name}-${volume}`));
    const renamed = text.replace(volumes, `$1: ${name}-$2`);
    const documents = parseAllDocuments(renamed).map((document) => document.toJS());
    const deployment = documents.find(({ kind }) => kind === "Deployment");
    deployment.metadata.name = name;
    // podman 4.3 removes an init container once it has ended, at times before it notices that.
    deployment.metadata.annotations = { "io.podman.annotations.init.container.type": "always" };
    lend(deployment.spec.template.spec, dirname(await fetchOpenClaw()));
    const kube = withoutLimits(dir);
    const plain = documents.map((it) => stringify(it, { aliasDuplicateObjects: false }));
    const file = write("pod.yaml", plain.join("---\n"));
    const gateway = `${name}-pod-0-gateway`;
    try {
      // What kubectl create secret makes; podman 4.3 wants it as JSON.
      await kube`echo ${JSON.stringify({ token: btoa("secret") })} | podman secret create openclaw-gateway -`;
      const played = await kube`podman kube play --network host ${file}`;
      expect(played.exitCode, played.stderr).toBe(0);
      const said = await logsOf(gateway, /http server listening|Error|Refusing|failed to start/);
      expect(said).toMatch(/nothing to do/);
      expect(said).toMatch(/http server listening/);
      const call = "command -v ast-grep; ast-grep --version";
      const found = await kube`podman exec ${gateway} sh -lc ${call}`;
      expect(found.stdout).toBe("/opt/openclaw/bin/ast-grep\nast-grep 0.51.1\n");
    } finally {
      await kube`podman kube down ${file}`;
      await kube`podman volume rm --force ${[...own]}`;
      await kube`podman secret rm openclaw-gateway`;
    }
  });
});

interface Pod {
  readonly initContainers: Container[];
  readonly containers: Container[];
  readonly volumes: object[];
}

interface Container {
  image: string;
  env?: object[];
  ports?: object[];
  readonly volumeMounts: object[];
}

/** What an ordinary network has anyway, OpenClaw, which is in its own image, and a tool that is asked for. */
function lend(pod: Pod, openclaw: string): void {
  const lent = [
    ["ca", certificates, certificatesThere],
    ["app", openclaw, "/app"],
    ["modules", dirname(openclaw), "/node_modules"],
  ] as const;
  const settings = { ...environment, OPENCLAW_SKILL_TOOLS: "ast-grep" };
  const env = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
  for (const container of [...pod.initContainers, ...pod.containers]) {
    container.image = image;
    container.env = [...(container.env ?? []), ...env];
    container.ports = [];
    for (const [volume, , mountPath] of lent)
      container.volumeMounts.push({ name: volume, mountPath, readOnly: true });
  }
  for (const [volume, path] of lent) pod.volumes.push({ name: volume, hostPath: { path } });
}

test("the examples agree with the images that Dockerfile.example builds", () => {
  const { services } = parse(readFileSync(composeExample, "utf8"));
  const dockerfile = readFileSync(join(repository, "Dockerfile.example"), "utf8");
  expect(dockerfile).toMatch(new RegExp(`AS ${services["skill-deps"].build.target}$`, "m"));
});
