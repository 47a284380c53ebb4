import JSON5 from "json5";
import { stringify } from "yaml";
import type { Context } from "../context.ts";
import { exitStatus, UserError } from "../core/errors.ts";
import {
  type Host,
  openclawFragment,
  sandboxImage,
  type Topology,
  topologies,
} from "../core/topology.ts";
import { composeFile } from "../core/topology-compose.ts";
import {
  gatewayLines,
  hostCommands,
  laterCommands,
  ownGatewayCommands,
  sandboxLines,
} from "../core/topology-files.ts";
import { type InspectedHost, inspectHost } from "../run/inputs/host.ts";
import { configPlugin } from "./config-plugin.ts";
import { configPolicy } from "./config-policy.ts";

/** `config [TOPOLOGY]`: prints openclaw.json, compose file and Dockerfile for this host; or a part's lines. */
export async function config(context: Context): Promise<number> {
  const { names } = context.options;
  if (names.length === 1 && names[0] === "plugin") return await configPlugin(context);
  if (names.length === 1 && names[0] === "policy") return await configPolicy(context);
  const topology = readTopology(names);
  const seen = await inspectHost(topology, context);
  const text =
    context.options.json === false
      ? renderConfig(topology, seen)
      : `${JSON.stringify(configDocument(topology, seen), null, 2)}\n`;
  context.stdout.write(text);
  return exitStatus.done;
}

function readTopology([name = "stock", ...more]: readonly string[]): Topology {
  const known = Object.keys(topologies).find((topology) => topology === name);
  if (known !== undefined && more.length === 0) return known as Topology;
  throw new UserError("E_USAGE", `config ${[name, ...more].join(" ")}: no such topology`, {
    hint: `There are ${Object.keys(topologies).join(", ")}, plugin and policy; --help describes them.`,
  });
}

function configDocument(topology: Topology, { site, notes }: InspectedHost): unknown {
  return {
    schema: 1,
    topology,
    place: { volume: site.source, state: site.state },
    openclaw: openclawFragment(topology, site),
    compose: composeFile(topology, site) ?? null,
    dockerfile: { sandbox: sandboxLines(topology, site), gateway: gatewayLines(topology) },
    commands: hostCommands(topology, site),
    later: laterCommands(topology, site),
    ownGateway: ownGatewayCommands(topology, site),
    notes,
  };
}

function renderConfig(topology: Topology, { site, notes }: InspectedHost): string {
  const fragment = JSON5.stringify(openclawFragment(topology, site), { space: 2, quote: '"' });
  const compose = composeFile(topology, site);
  const own = ownGatewayCommands(topology, site);
  const blocks = [
    [`# ${topology}: ${topologies[topology]}`, ...notes.map((note) => `# note: ${note}`)],
    ["# ---- once, on the host (with sudo unless you are root)", ...hostCommands(topology, site)],
    [`// ---- openclaw.json, in ${site.state}: merge this into your file`, fragment],
    ...(compose ? [["# ---- compose.yaml, beside .env", renderYaml(compose)]] : []),
    [
      "# ---- then, and after every change of image or openclaw.json",
      ...laterCommands(topology, site),
    ],
    ...(own.length > 0
      ? [["# ---- a gateway without a container, instead of compose", ...own]]
      : []),
    ...dockerfileBlocks(topology, site),
  ];
  return `${blocks.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function renderYaml(value: unknown): string {
  return stringify(value, { aliasDuplicateObjects: false }).trimEnd();
}

function dockerfileBlocks(topology: Topology, host: Host): string[][] {
  const image = sandboxImage(topology, host);
  const blocks = [
    [`# ---- Dockerfile, as root: your own image for ${image}`, ...sandboxLines(topology, host)],
    ["# ---- Dockerfile, as root: your own gateway", ...gatewayLines(topology)],
  ];
  return blocks.filter((lines) => lines.length > 1);
}
