import { describe, expect, test } from "vitest";
import type { Host } from "../../src/core/topology.ts";
import { hostCommands, laterCommands, ownGatewayCommands } from "../../src/core/topology-files.ts";

const site: Host = {
  source: "/srv/volume",
  state: "/srv/state",
  isExternal: true,
  hasProfile: true,
  hasLibraries: false,
  isHost: true,
  packageDir: "/usr/lib/node_modules/openclaw-install-skill-deps",
  npmPackage: "openclaw-install-skill-deps@0.1.0",
  isPacked: false,
  agent: { uid: 1001, gid: 100 },
};
const once = (topology: Parameters<typeof hostCommands>[0], over: Partial<Host> = {}) =>
  hostCommands(topology, { ...site, ...over }).join("\n");

describe("what is done once on the host", () => {
  test("whoever fills the volume gets it: the gateway's user, or whom OpenClaw runs sandboxes as", () => {
    expect(once("provisioner")).toContain("install -d -o 1000 -g 1000 /srv/volume");
    expect(once("sandbox")).toContain("install -d -o 1001 -g 100 /srv/volume");
    expect(once("image")).not.toContain("install -d");
  });

  test("a state directory of another user is given to the gateway's", () => {
    const chown = "chown -R 1000:1000 /srv/state";
    expect(once("gateway", { stateOwner: { uid: 0, gid: 0 } })).toContain(chown);
    expect(once("gateway", { stateOwner: { uid: 1000, gid: 1000 } })).not.toContain("chown");
    expect(once("gateway")).not.toContain("chown");
    expect(once("sandbox", { stateOwner: { uid: 0, gid: 0 } })).not.toContain("chown");
  });

  test("in a container the package is copied out of it first, and built where it then lies", () => {
    const [copy, build] = hostCommands("sandbox", {
      ...site,
      isHost: false,
      container: "0123456789ab",
      packageDir: "openclaw-install-skill-deps",
    });
    const inside = "/usr/local/lib/openclaw-install-skill-deps";
    expect(copy).toBe(`docker cp 0123456789ab:${inside} openclaw-install-skill-deps`);
    expect(build).toMatch(/^docker build -f openclaw-install-skill-deps\/Dockerfile\.example /);
  });

  test("a build that carries skills along has them in its context", () => {
    const lines = hostCommands("seed", site);
    expect(lines[0]).toMatch(/cp -R \/srv\/state\/workspace\/skills\/\. .*\/my\/skills\/$/);
    expect(lines[1]).toContain("--build-arg SKILLS=my/skills");
  });

  test("stock images are not built; a clone is packed", () => {
    expect(once("stock")).not.toContain("docker build");
    expect(once("stock")).not.toContain("npm pack");
    const npmPackage = "/srv/a b/x-1.tgz";
    expect(once("stock", { isPacked: true, packageDir: "/srv/a b", npmPackage })).toMatch(
      /^npm pack --silent --pack-destination '\/srv\/a b' '\/srv\/a b'$/m,
    );
  });

  test("odd directories are quoted", () => {
    expect(once("sandbox", { source: "/srv/a b" })).toContain("-g 100 '/srv/a b'");
    expect(once("seed", { state: "/srv/a b" })).toContain("'/srv/a b/workspace/skills/.'");
  });
});

test("sandboxes are recreated by whoever started them", () => {
  const recreate = "sandbox recreate --all --force";
  expect(laterCommands("sandbox", site)).toEqual([`openclaw ${recreate}`]);
  expect(laterCommands("sandbox", { ...site, container: "0123456789ab" })).toEqual([
    `docker exec 0123456789ab node openclaw.mjs ${recreate}`,
  ]);
  expect(laterCommands("gateway", site).at(-1)).toBe(
    `docker compose exec openclaw-gateway node openclaw.mjs ${recreate}`,
  );
});

test("a gateway that is a program of the machine has a volume of its own user's", () => {
  expect(ownGatewayCommands("gateway", site)[0]).toBe("install -d -o 1001 -g 100 /srv/volume");
  expect(ownGatewayCommands("gateway", { ...site, isHost: false })).toEqual([]);
  expect(ownGatewayCommands("stock", { ...site, npmPackage: "/srv/a b.tgz" })[1]).toBe(
    "npx -y 'file:/srv/a b.tgz' --ignore-system --prefix /srv/volume -- openclaw gateway",
  );
  expect(ownGatewayCommands("sandbox", site)).toEqual([]);
});
