import { quote } from "./launcher.ts";
import { defaultSeed } from "./layout.ts";
import { hasCommand, type Site, sandboxImage, type Topology, target } from "./topology.ts";

/** A compose file, as data. */
export interface ComposeFile {
  readonly services: Readonly<Record<string, object>>;
}

const gatewayImage = "openclaw-skills-gateway";
const packageAt = "/usr/local/lib/openclaw-install-skill-deps";
const profile = "/etc/profile.d/openclaw-skill-deps.sh";

/** The services that fill the volume; undefined where sandboxes do it, or images carry it. */
export function composeFile(topology: Topology, site: Site): ComposeFile | undefined {
  const { packageDir: context, source, state } = site;
  const build = { context, dockerfile: "Dockerfile.example", target: "gateway" };
  const volumes = (volume: "ro" | "rw", home: "ro" | "rw"): string[] => [
    `${source}:${target}:${volume}`,
    `${state}:/home/node/.openclaw:${home}`,
  ];
  const gateway = { image: gatewayImage, build, restart: "unless-stopped" };
  if (topology === "gateway") {
    return { services: { "openclaw-gateway": { ...gateway, volumes: volumes("rw", "rw") } } };
  }
  if (topology !== "provisioner") return undefined;
  // The image's hook does the work and then becomes `true`: what cannot be had keeps nothing down.
  const provisioner = { image: gatewayImage, build, command: ["true"] };
  return {
    services: {
      "skill-deps": { ...provisioner, volumes: volumes("rw", "ro") },
      "openclaw-gateway": {
        ...gateway,
        depends_on: { "skill-deps": { condition: "service_completed_successfully" } },
        volumes: volumes("ro", "rw"),
      },
    },
  };
}

/** What a Dockerfile of the operator's own takes from our sandbox image; none where it needs nothing. */
export function sandboxLines(topology: Topology, site: Site): string[] {
  if (!hasCommand(topology, site)) return [];
  const from = sandboxImage(topology, {});
  const copy = (path: string): string => `COPY --from=${from} ${path} ${path}`;
  const volume = topology === "image" ? copy(target) : `RUN install -d -o 1000 -g 1000 ${target}`;
  return [...commandLines(from), volume, ...(topology === "seed" ? [copy(defaultSeed)] : [])];
}

/** The same of the gateway's image; none where it has no part in it. */
export function gatewayLines(topology: Topology): string[] {
  if (topology !== "gateway" && topology !== "provisioner") return [];
  return [
    ...commandLines(gatewayImage),
    `RUN install -d -o 1000 -g 1000 ${target}`,
    'ENTRYPOINT ["openclaw-install-skill-deps", "--ignore-system", "--"]',
    'CMD ["node", "openclaw.mjs", "gateway", "--allow-unconfigured"]',
  ];
}

function commandLines(from: string): string[] {
  return [
    `COPY --from=${from} ${packageAt} ${packageAt}`,
    `COPY --from=${from} ${profile} ${profile}`,
    `RUN ln -s ../lib/openclaw-install-skill-deps/entrypoint/openclaw-install-skill-deps /usr/local/bin/`,
  ];
}

/** What is done once on the host, as words to type: the images, and the volume's directory. */
export function hostCommands(topology: Topology, site: Site): string[] {
  const [context, source] = [word(site.packageDir), word(site.source)];
  const build = (name: string, more = ""): string =>
    `docker build -f ${context}/Dockerfile.example --target ${name}${more} -t openclaw-skills-${name} ${context}`;
  const skills = " --build-arg SKILLS=my/skills";
  const sandbox = {
    sandbox: build("sandbox"),
    gateway: build("sandbox"),
    provisioner: build("sandbox"),
    seed: build("seeded", skills),
    image: build("prebuilt", skills),
  } as const;
  const hasGateway = topology === "gateway" || topology === "provisioner";
  return [
    ...(hasCommand(topology, site) ? [sandbox[topology]] : []),
    ...(hasGateway ? [build("gateway")] : []),
    ...(topology === "image" ? [] : [`install -d -o 1000 -g 1000 ${source}`]),
    "openclaw sandbox recreate --all",
  ];
}

/** One word for whoever types it. */
function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : quote(text);
}
