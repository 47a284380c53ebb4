/**
 * A sandbox's first start from real registries, in its limits: ours, and what one would type instead, as root in
 * a container that may be written to. Needs podman, and a network.
 */
import { chownSync } from "node:fs";
import {
  buildImages,
  certificates,
  certificatesThere,
  host,
  registry,
  removeImages,
} from "../containers/host.ts";
import { runOnce } from "./container-run.ts";
import type { Place } from "./place.ts";
import type { Line, Part } from "./report.ts";

/** Each by what one would type for it. Node is in the other image: it gets that for nothing. */
const tools: Readonly<
  Record<string, readonly [manager: "apt" | "npm" | "pip" | "", name: string]>
> = {
  gh: ["apt", "gh"],
  jq: ["apt", "jq"],
  rg: ["apt", "ripgrep"],
  node: ["", ""],
  mcporter: ["npm", "mcporter"],
  uv: ["pip", "uv"],
  "yt-dlp": ["pip", "yt-dlp"],
  ffmpeg: ["apt", "ffmpeg"],
};
const node = "docker.io/library/node:24-bookworm-slim";
const install = "openclaw-install-skill-deps";
const limits = ["--cpus", "1", "--memory", "1g", "--pids-limit", "256", "--network", "host"];
const hardened = [
  ...["--read-only", "--tmpfs", "/tmp", "--tmpfs", "/workspace", "--user", "1000:1000"],
  ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
];

interface Contender {
  readonly name: string;
  readonly image: string;
  readonly script: string;
  readonly flags: (place: Place) => string[];
}

export const firstStart: Part = async (place, tell) => {
  if ((await host`podman --version`).exitCode !== 0) return place.say("first start: no podman");
  const images = await buildImages(`bench-${process.pid}`, ["sandbox"]);
  try {
    const lent = await whatIsLent();
    const box = (at: Place): string[] => [...hardened, "--volume", `${volumeIn(at)}:/opt/openclaw`];
    place.say("first start: what can be fetched here?");
    const found = await runOnce([...limits, ...lent, ...box(place)], images.sandbox, attempt);
    const here = Object.keys(tools).filter((tool) =>
      found.last.includes(`/opt/openclaw/bin/${tool}`),
    );
    const absent = Object.keys(tools).filter((tool) => !here.includes(tool));
    place.say("first start: what can mise fetch here?");
    const withMise = (): string[] => ["--volume", `${place.peers.mise}:/usr/local/bin/mise:ro`];
    const mises = await runOnce([...limits, ...lent, ...withMise()], node, miseAttempt);
    const byMise = here.filter((tool) => mises.last.includes(`mise has ${tool}`));
    const contenders: Contender[] = [
      {
        name: "ours, uid 1000, read-only root",
        image: images.sandbox,
        script: `${install} ${here.join(" ")} && ls ${here.map((it) => `/opt/openclaw/bin/${it}`).join(" ")}`,
        flags: box,
      },
      { name: "apt-get, npm and pip as root", image: node, script: byHand(here), flags: () => [] },
      {
        name: "mise as root",
        image: node,
        script: `mise use -y -g ${here.map((tool) => miseNames[tool]).join(" ")}`,
        flags: withMise,
      },
    ].filter(({ name }) => name !== "mise as root" || byMise.length === here.length);
    const lines: (Line & { peaks: number[] })[] = contenders.map(({ name }) => ({
      name,
      samples: [],
      peaks: [],
    }));
    const received: string[] = [];
    for (let round = 0; round < (place.quick ? 1 : 3); round += 1) {
      for (const [i, { name, image, script, flags }] of contenders.entries()) {
        place.say(`first start: ${name}, round ${round + 1}`);
        const all = [...limits, ...lent, ...flags(place)];
        const run = await runOnce(all, image, script);
        lines[i]?.samples.push(run);
        lines[i]?.peaks.push(run.peak);
        received[i] = `${name}: ${(run.received / 1e6).toFixed(0)} MB`;
      }
    }
    tell({
      title: "First start, from real registries",
      note: `${here.join(", ")}; in 1 CPU, 1 GiB and 256 pids. Received: ${received.join("; ")}.${missing(absent)} mise could install ${byMise.length} of ${here.length}.`,
      unit: "s",
      lines,
    });
  } finally {
    await removeImages([images.sandbox]);
  }
};

/** Which of them has a source that can be reached here, and is not built for minutes. */
const attempt = `GOPROXY=off ${install} ${Object.keys(tools).join(" ")}; ls -d /opt/openclaw/bin/*`;

const miseNames: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.keys(tools).map((tool) => [tool, tool])),
  rg: "ripgrep",
  node: "node@24",
  mcporter: "npm:mcporter",
  "yt-dlp": "pipx:yt-dlp",
};
const miseAttempt = Object.entries(miseNames)
  .map(
    ([tool, name]) => `timeout 120 mise use -y -g ${name} >/dev/null 2>&1 && echo mise has ${tool}`,
  )
  .concat("true")
  .join("\n");

const missing = (absent: readonly string[]): string =>
  absent.length === 0 ? "" : ` Without ${absent.join(", ")}: no source of theirs could be reached.`;

function byHand(here: readonly string[]): string {
  const of = (manager: string): string =>
    here.flatMap((tool) => (tools[tool]?.[0] === manager ? tools[tool][1] : [])).join(" ");
  const pip = of("pip") === "" ? "" : " python3-pip";
  return [
    "apt-get -q update",
    `apt-get -q install -y --no-install-recommends ${of("apt")}${pip}`,
    ...(of("npm") ? [`npm install --global --no-audit --no-fund ${of("npm")}`] : []),
    ...(of("pip") ? [`pip install --break-system-packages ${of("pip")}`] : []),
    `command -v ${here.join(" ")}`,
  ].join(" && ");
}

function volumeIn(place: Place): string {
  const volume = place.fresh("volume");
  chownSync(volume, 1000, 1000);
  return volume;
}

/** What reaches the machine's registries: certificates and the settings of npm, pip, go and apt. */
async function whatIsLent(): Promise<string[]> {
  const proxy = (await host`go env GOPROXY`).stdout.trim();
  const settings = {
    SSL_CERT_FILE: certificatesThere,
    NODE_EXTRA_CA_CERTS: certificatesThere,
    PIP_CERT: certificatesThere,
    npm_config_registry: await registry(),
    ...(proxy && { GOPROXY: proxy }),
    ...(process.env.PIP_INDEX_URL && { PIP_INDEX_URL: process.env.PIP_INDEX_URL }),
  };
  return [
    ...["--volume", `${certificates}:${certificatesThere}:ro`],
    ...Object.entries(settings).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
  ];
}
