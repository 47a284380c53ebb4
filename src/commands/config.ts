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
import { renderDocument } from "../report/text.ts";
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
      : renderDocument(configDocument(topology, seen));
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

function configDocument(topology: Topology, { host, notes }: InspectedHost): object {
  return {
    topology,
    place: { volume: host.source, state: host.state },
    openclaw: openclawFragment(topology, host),
    compose: composeFile(topology, host) ?? null,
    dockerfile: { sandbox: sandboxLines(topology, host), gateway: gatewayLines(topology) },
    commands: hostCommands(topology, host),
    later: laterCommands(topology, host),
    ownGateway: ownGatewayCommands(topology, host),
    notes,
  };
}

function renderConfig(topology: Topology, { host, notes }: InspectedHost): string {
  const fragment = JSON5.stringify(openclawFragment(topology, host), { space: 2, quote: '"' });
  const compose = composeFile(topology, host);
  const own = ownGatewayCommands(topology, host);
  const blocks = [
    [`# ${topology}: ${topologies[topology]}`, ...notes.map((note) => `# note: ${note}`)],
    ["# ---- once, on the host (with sudo unless you are root)", ...hostCommands(topology, host)],
    [`// ---- openclaw.json, in ${host.state}: merge this into your file`, fragment],
    ...(compose ? [["# ---- compose.yaml, beside .env", renderYaml(compose)]] : []),
    [
      "# ---- then, and after every change of image or openclaw.json",
      ...laterCommands(topology, host),
    ],
    ...(own.length > 0
      ? [["# ---- a gateway without a container, instead of compose", ...own]]
      : []),
    ...dockerfileBlocks(topology, host),
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
