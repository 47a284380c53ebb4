/** Topologies D and E: by hand in a running container, and at build time, without any volume. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { buildFrom, certificates, host, removeImages } from "./host.ts";
import { openPlace, type Place, setup } from "./sandbox.ts";

let place: Place;

beforeEach(() => {
  place = openPlace();
  place.skill("syntax", ["ast-grep"]);
});
afterEach(() => place.close());

test("by hand: --force-reinstall gives a program that was altered back, and its container runs on", async () => {
  const box = await place.sandbox({ network: "host", access: "rw" });
  expect((await box.run(setup)).exitCode).toBe(0);
  const before = realpathSync(join(place.volume, "bin/ast-grep"));
  await box.run(`printf '#!/bin/sh\\necho no\\n' >"$(readlink -f /opt/openclaw/bin/ast-grep)"`);
  expect((await box.call("ast-grep --version")).stdout).toBe("no\n");
  const { exitCode, stderr } = await box.run(`${setup} --force-reinstall ast-grep`);
  expect(stderr).toMatch(/1 installed/);
  expect(exitCode).toBe(0);
  expect((await box.call("ast-grep --version")).stdout).toBe("ast-grep 0.51.1\n");
  expect(realpathSync(join(place.volume, "bin/ast-grep"))).not.toBe(before);
});

test("at build time: a stage installs, the next one copies, a sandbox without a volume verifies", async () => {
  const image = `localhost/openclaw-skills-baked:${process.pid}`;
  const lines = [
    `FROM ${inject("images").sandbox} AS programs`,
    "ARG npm_config_registry SSL_CERT_FILE",
    "COPY workspace/skills /skills",
    `RUN ${setup} --skills-dir /skills --prefix /opt/openclaw`,
    `FROM ${inject("images").sandbox}`,
    "COPY --from=programs /opt/openclaw /opt/openclaw",
  ];
  const flags = [
    ...["--network", "host", "--build-arg", `npm_config_registry=${inject("registry")}`],
    ...["--volume", `${certificates}:/etc/ssl/certs/ca-certificates.crt:ro`],
    ...["--build-arg", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
  ];
  try {
    await buildFrom(image, lines, place.dir, flags);
    const call = "ast-grep --version; openclaw-install-skill-deps";
    const hardened = ["--read-only", "--network", "none", "--cap-drop", "ALL"];
    const { stdout, stderr, exitCode } =
      await host`podman run --rm ${hardened} ${image} sh -lc ${call}`;
    expect(stdout).toBe("ast-grep 0.51.1\n");
    expect(stderr).toMatch(/nothing to do/);
    expect(exitCode).toBe(0);
  } finally {
    await removeImages([image]);
  }
});

describe.each(["sandbox", "gateway"] as const)("the code cache of the %s image", (target) => {
  test("is what its Node starts from", async () => {
    const hook = join(import.meta.dirname, "../support/tell-code-cache.cjs");
    const flags = ["--read-only", "--network", "none", "--volume", `${hook}:/hook.cjs:ro`];
    const env = ["--env", "NODE_OPTIONS=--require /hook.cjs"];
    const words = ["--entrypoint", setup, inject("images")[target], "list"];
    const { stderr } = await host`podman run --rm ${flags} ${env} ${words}`;
    expect(stderr).toMatch(/^(code cache: taken\n){3}$/); // of the three files that are loaded
  });

  test("holds what an installation calls", async () => {
    const mine = "/usr/local/lib/openclaw-install-skill-deps";
    const script = [
      `cp -R ${mine} /tmp/copy && rm /tmp/copy/dist/*.cache`,
      "OPENCLAW_SKILL_DEPS_CODE_CACHE=write /tmp/copy/entrypoint/openclaw-install-skill-deps >&2",
      `cat ${mine}/dist/*.cache | wc -c && cat /tmp/copy/dist/*.cache | wc -c`,
    ].join(" && ");
    const flags = ["--network", "host", ...place.mounts({ access: "rw" }), "--entrypoint", "sh"];
    const { stdout, stderr } =
      await host`podman run --rm ${flags} ${inject("images")[target]} -c ${script}`;
    expect(stderr).toMatch(/1 installed/);
    const [own = 0, other = 0] = stdout.trim().split("\n").map(Number);
    expect(own).toBeGreaterThan(0.95 * other);
  });
});
