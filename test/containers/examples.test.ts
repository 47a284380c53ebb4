/**
 * The examples below entrypoint/examples: by their schemas, and their commands run in plain containers of Node,
 * against a registry that has this package. Needs what sandbox.test.ts needs, and Python with venv.
 */
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { stringify } from "yaml";
import { $ } from "zx";
import { archive, program } from "../support/archives.ts";
import {
  documentsOf,
  examplesDir,
  type Runner,
  railway,
  runnerOf,
  unraid,
  yamlOf,
} from "../support/examples.ts";
import { openWorkplace, repository, type Workplace } from "../support/workplace.ts";
import { host } from "./host.ts";
import { pythonTools } from "./python-tools.ts";

const name = "openclaw-install-skill-deps";
/** In place of OpenClaw's own image. */
const node = "docker.io/library/node:24-bookworm-slim";
const nobody = "1000720000:0";

let python: string;
let place: Workplace;
/** Directories of the host, by what they are. */
let dir: string;
beforeAll(async () => {
  python = await pythonTools();
  place = await openWorkplace();
  const source = place.serve("gog.tar.gz", archive("tar.gz", { "bin/gog": program("gog 1.0.0") }));
  place.recipe("gog", { artifacts: { "linux-x64": source, "linux-arm64": source } });
  const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  const bin = { [name]: `entrypoint/${name}` };
  place.server.publish(name, version, readFileSync(inject("tarball")), { manifest: { bin } });
});
afterAll(() => place.close());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "examples-"));
  for (const made of ["volume", "state/skills/mail", "app"])
    mkdirSync(join(dir, made), { recursive: true });
  const metadata = '{"openclaw":{"requires":{"bins":["gog"]}}}';
  const text = `---\nname: mail\ndescription: x\nmetadata: ${metadata}\n---\n`;
  writeFileSync(join(dir, "state/skills/mail/SKILL.md"), text);
  writeFileSync(join(dir, "app/openclaw.mjs"), "console.log('gateway', ...process.argv.slice(2));");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface Where {
  /** Where the container has the state directory, read-only. */
  readonly state?: string;
  /** Where it has the volume. */
  readonly volume?: string;
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly mounts?: readonly string[];
  /** The file system is read-only but for /tmp. */
  readonly isReadOnly?: boolean;
}

/** Runs an example's command as its container does, and gives what it said. */
async function run({ command, env }: Runner, where: Where = {}): Promise<string> {
  const { user = "1000:1000", volume = "/opt/openclaw", isReadOnly = false } = where;
  const [uid = "0", gid = "0"] = user.split(":");
  chownSync(join(dir, "volume"), Number(uid), Number(gid));
  const settings = {
    ...env,
    ...where.env,
    npm_config_registry: place.server.registry,
    OPENCLAW_SKILL_RECIPES: "/recipes",
  };
  const mounts = [
    ...[`${dir}/volume:${volume}:rw`, `${dir}/app:/app:ro`, `${place.recipes}:/recipes:ro`],
    ...(where.state ? [`${dir}/state:${where.state}:ro`] : []),
    ...(where.mounts ?? []),
  ];
  const flags = [
    ...["--rm", "--network", "host", "--user", user, "--workdir", "/app"],
    ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
    ...(isReadOnly ? ["--read-only", "--tmpfs", "/tmp:exec,mode=1777"] : []),
    ...Object.entries(settings).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
    ...mounts.flatMap((mount) => ["--volume", mount]),
  ];
  const { exitCode, stdout, stderr } = await host`podman run ${flags} ${node} ${command}`;
  expect(exitCode, stderr).toBe(0);
  return stdout + stderr;
}

/** The same, ended as the engine does once its health check succeeds. */
function untilHealthy(runner: Runner): Runner {
  const health = `/opt/openclaw/bin/${name} health`;
  const script = `"$@" & until ${health}; do sleep 0.5; done; kill $!; wait $!; [ $? -eq 143 ]`;
  return { ...runner, command: ["sh", "-c", script, "_", ...runner.command] };
}

/** The program, and the command, are in the volume. */
async function expectFilled(): Promise<void> {
  const { stdout } = await $({ quiet: true })`${dir}/volume/bin/gog`;
  expect(stdout).toBe("gog 1.0.0\n");
  expect((await $({ quiet: true })`${dir}/volume/bin/${name} --version`).exitCode).toBe(0);
}

const podOf = () => yamlOf("kubernetes-stock.yaml").spec.template.spec;
const home = "/home/node/.openclaw";

describe("init containers and services fill the volume", () => {
  test.each(["1000:1000", nobody])(
    "Kubernetes, as %s; the sidecar watches and has nothing to do",
    async (user) => {
      const where = { user, state: home, isReadOnly: true };
      const { initContainers, containers } = podOf();
      expect(await run(runnerOf(initContainers[0]), where)).toMatch(/1 installed/);
      await expectFilled();
      const said = await run(untilHealthy(runnerOf(containers[1])), where);
      expect(said).toMatch(/nothing to do[\s\S]*the last run was good/);
    },
  );

  test("Kubernetes: the sidecar fetches the command where the init container could not", async () => {
    const sidecar = runnerOf(podOf().containers[1]);
    const said = await run(untilHealthy(sidecar), { state: home, isReadOnly: true });
    expect(said).toMatch(/1 installed[\s\S]*the last run was good/);
    await expectFilled();
  });

  test("Helm values say the same command", () => {
    const { command } = podOf().initContainers[0];
    const [init] = yamlOf("helm-values.yaml").extraInitContainers;
    const { main } = yamlOf("helm-app-template-values.yaml")["app-template"].controllers;
    expect([init.command, main.initContainers["skill-deps"].command]).toEqual([command, command]);
  });

  test("the operator's object", async () => {
    const [init] = yamlOf("operator.yaml").spec.initContainers;
    expect(await run(runnerOf(init), { state: "/home/openclaw/.openclaw" })).toMatch(/1 installed/);
    await expectFilled();
  });

  test("Umbrel's service, which watches although no registry answers", async () => {
    const service = untilHealthy(runnerOf(yamlOf("umbrel.compose.yaml").services["skill-deps"]));
    expect(await run(service, { state: home, isReadOnly: true })).toMatch(/1 installed/);
    await expectFilled();
    const gone = `npm_config_registry=http://127.0.0.1:9/ npm_config_fetch_retries=0`;
    const offline = { ...service, command: ["env", ...gone.split(" "), ...service.command] };
    expect(await run(offline, { state: home, isReadOnly: true })).toMatch(/ECONNREFUSED/);
  });
});

describe("start commands fill the volume, and start the gateway", () => {
  const tools = { OPENCLAW_SKILL_TOOLS: "gog" };
  const started = /gateway gateway --allow-unconfigured/;

  test("a compose file for /data", async () => {
    const service = runnerOf(yamlOf("data-only.compose.yaml").services.openclaw);
    const where = { state: "/data/.openclaw", volume: "/data/openclaw-tools" };
    const said = await run(service, where);
    expect(said).toMatch(/1 installed/);
    expect(said).toMatch(started);
    await expectFilled();
  });

  test("Railway's form", async () => {
    const said = await run(railway(), { volume: "/data/openclaw-tools", env: tools });
    expect(said).toMatch(started);
    await expectFilled();
  });

  test("Unraid's template", async () => {
    const said = await run(unraid(), { user: "0:0", env: tools });
    expect(said).toMatch(started);
    await expectFilled();
  });

  test("the devcontainer feature's script", async () => {
    const mounts = [`${examplesDir}/devcontainer-feature:/feature:ro`];
    const env = { TOOLS: "gog", _REMOTE_USER: "root" };
    const install = { command: ["sh", "/feature/install.sh"], env };
    expect(await run(install, { user: "0:0", mounts })).toMatch(/1 installed/);
    await expectFilled();
  });
});

describe("schemas", () => {
  const check = $({ quiet: true, nothrow: true });
  const write = (document: object): string => {
    const file = join(dir, "document.yaml");
    writeFileSync(file, stringify(document, { aliasDuplicateObjects: false }));
    return file;
  };
  const pod = (spec: object) => ({
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "x" } },
    spec: { containers: [{ name: "gateway", image: "x" }], ...spec },
  });

  test.each(["data-only.compose.yaml", "umbrel.compose.yaml"])("compose: %s", async (file) => {
    const schema = ["--builtin-schema", "vendor.compose-spec"];
    const checked = await check`${python}/check-jsonschema ${schema} ${join(examplesDir, file)}`;
    expect(checked.exitCode, checked.stdout).toBe(0);
  });

  test("Kubernetes: the deployment, and the parts of the operator's object and of Helm values", async () => {
    const [deployment] = documentsOf("kubernetes-stock.yaml");
    const operator = yamlOf("operator.yaml").spec;
    const helm = yamlOf("helm-values.yaml");
    const documents = [
      deployment,
      pod({ initContainers: operator.initContainers, volumes: operator.extraVolumes }),
      pod({ initContainers: helm.extraInitContainers, volumes: helm.extraVolumes }),
      pod({
        containers: [{ name: "g", env: helm.extraEnv, volumeMounts: helm.extraVolumeMounts }],
      }),
    ];
    for (const document of documents) {
      const checked = await check`${python}/kubernetes-validate --strict ${write(document)}`;
      expect(checked.exitCode, checked.stdout + checked.stderr).toBe(0);
    }
    const wrong = pod({ initContainer: operator.initContainers });
    expect((await check`${python}/kubernetes-validate --strict ${write(wrong)}`).exitCode).not.toBe(
      0,
    );
  });
});
