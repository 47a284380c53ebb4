import { layout } from "./layout.ts";

/** The part of openclaw.json that makes OpenClaw ask before it installs a skill. */
export interface PolicyFragment {
  readonly security: {
    readonly installPolicy: {
      readonly enabled: true;
      readonly targets: readonly ["skill"];
      readonly exec: {
        readonly source: "exec";
        readonly command: string;
        readonly args?: readonly string[];
        readonly passEnv: readonly string[];
      };
    };
  };
}

/** OpenClaw passes no other variables on. */
const variables = [
  "PATH",
  "HOME",
  "OPENCLAW_SKILL_RECIPES",
  "OPENCLAW_SKILL_CATALOGUE",
  "OPENCLAW_SKILL_CATALOGUE_KEY",
  "OPENCLAW_SKILL_SEED",
  "OPENCLAW_SKILL_ALLOW_DECLARED",
  "OPENCLAW_SKILL_DEPS_NODE",
];

/** `args`: options of `policy`. The volume's path is the one that the gateway sees. */
export function policyFragment(volume: string, args: readonly string[]): PolicyFragment {
  const command = `${volume}/${layout.policyProgram}`;
  const given = args.length > 0 ? { args } : {};
  const exec = { source: "exec", command, ...given, passEnv: variables } as const;
  return { security: { installPolicy: { enabled: true, targets: ["skill"], exec } } };
}

/** The policy's program or a directory above it. */
export interface PolicyPath {
  readonly path: string;
  readonly uid: number;
  readonly mode: number;
  readonly isDirectory: boolean;
}

/**
 * Why OpenClaw 2026.9.6 would not run this program as its policy, and so would install no skill;
 * undefined if it would. `uid`: the gateway's user.
 */
export function refusedPolicy(paths: readonly PolicyPath[], uid: number): string | undefined {
  for (const { path, mode, isDirectory, ...owner } of paths) {
    const isSticky = isDirectory && (mode & 0o1000) !== 0;
    if ((mode & 0o022) !== 0 && !isSticky) return `${path} can be written by others`;
    if (owner.uid !== 0 && owner.uid !== uid) {
      return `${path} belongs to user ${owner.uid}, neither to root nor to the gateway's user ${uid}`;
    }
  }
  return undefined;
}
