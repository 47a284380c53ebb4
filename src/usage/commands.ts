/**
 * The commands. Help, the man page, shell completions and README.md's table are generated from
 * these entries. All texts are ASCII, see options.ts.
 */
import { topologies } from "../core/topology.ts";
import type { OptionName } from "./options.ts";

/** The command's own name. */
export const program = "openclaw-install-skill-deps";

export const verbs = [
  "install",
  "watch",
  "health",
  "policy",
  "requirements",
  "list",
  "info",
  "search",
  "why",
  "outdated",
  "update",
  "hold",
  "unhold",
  "rollback",
  "remove",
  "gc",
  "bundle",
  "doctor",
  "recipe",
  "config",
  "completion",
  "help",
  "version",
] as const;
export type Verb = (typeof verbs)[number];

export interface Command {
  readonly verb: Verb;
  /** The second word: `export` of `bundle export`. */
  readonly sub?: string;
  /** The operands: `NAME...`. */
  readonly operands?: string;
  /** One line, in lower case and without a full stop. */
  readonly summary: string;
  /** Full sentences. */
  readonly details?: string;
  readonly options: readonly OptionName[];
  /** Shell completion of the operands: tools of the catalogue, files, or these words. */
  readonly completes?: "tool" | "file" | readonly string[];
}

const output = ["json", "quiet", "verbose"] as const satisfies OptionName[];
const catalogue = ["recipes", "catalogue", "catalogue-key"] as const satisfies OptionName[];
const skills = [
  ...["prefix", "skills-dir", "all", "skill"],
  ...catalogue,
] as const satisfies OptionName[];
const network = ["mirror", "offline", "jobs", "no-progress"] as const satisfies OptionName[];
const sources = [
  "seed",
  "allow-declared",
  "allow-libraries",
  "declared",
  "ignore-system",
  "platform",
] as const satisfies OptionName[];

export const commands: readonly Command[] = [
  {
    verb: "install",
    operands: "[NAME...] [-- CMD]",
    summary: "install what is missing; the default command",
    details:
      "Without a NAME: what the selected skills and earlier NAMEs require. With NAMEs (tools or programs): only those; later runs keep them in the volume. With -- CMD (for entrypoints): install, then exec CMD, also after an error, unless --strict.",
    options: [
      ...skills,
      ...sources,
      "requests",
      "force-reinstall",
      ...network,
      "dry-run",
      "strict",
      "no-notify",
      "no-wait",
      "watch",
      "interval",
      ...output,
    ],
    completes: "tool",
  },
  {
    verb: "watch",
    operands: "[NAME...]",
    summary: "install, then look again every few seconds and install what changed",
    details:
      "Ends on SIGTERM; SIGHUP makes it run at once. What failed is tried again after growing pauses, at most 10 minutes, and at once when its input changes.",
    options: [
      ...skills,
      ...sources,
      "requests",
      ...network,
      "strict",
      "no-notify",
      "interval",
      ...output,
    ],
    completes: "tool",
  },
  {
    verb: "health",
    summary: "exit with 0 while watch runs here; for health checks",
    details:
      "Its first run must be over, whatever came of it; with --strict its last run must have succeeded. It never starts Node.",
    options: ["quiet", "strict"],
  },
  {
    verb: "policy",
    summary:
      "answer OpenClaw's install policy: which programs a new skill needs, and whether they can be installed",
    details:
      "For security.installPolicy.exec of openclaw.json: config policy prints the lines. It reads OpenClaw's request on standard input, uses no network and writes nothing. With --strict a skill is blocked if a program that it needs cannot be installed here; otherwise it is allowed with a message.",
    options: ["prefix", ...catalogue, "seed", "allow-declared", "ignore-system", "strict"],
  },
  {
    verb: "requirements",
    summary: "show what each skill requires, and why it is or is not selected",
    options: [...skills, ...sources, "offline", "strict", ...output],
  },
  { verb: "list", summary: "show what the volume holds", options: ["prefix", ...output] },
  {
    verb: "info",
    operands: "NAME...",
    summary: "show recipe, versions, size, license and provenance of tools, and who needs them",
    details: "A NAME is a tool's, one of its programs' or another name that its recipe has.",
    options: ["prefix", ...catalogue, ...output],
    completes: "tool",
  },
  {
    verb: "search",
    operands: "WORD...",
    summary: "find tools by name, program, alias or description",
    options: ["prefix", ...catalogue, ...output],
  },
  {
    verb: "why",
    operands: "PROGRAM...",
    summary:
      "show who asks for a program or a package, what gives it, and where it is or why it is not",
    options: [...skills, ...sources, "offline", ...output],
    completes: "tool",
  },
  {
    verb: "outdated",
    summary: "show tools that have a newer version in the catalogue",
    options: [...skills, ...output],
  },
  {
    verb: "update",
    operands: "[NAME...]",
    summary: "install newer versions, of the named tools or of all",
    options: [...skills, ...sources, ...network, "dry-run", "strict", "no-notify", ...output],
    completes: "tool",
  },
  {
    verb: "hold",
    operands: "NAME...",
    summary: "keep installed tools at their version",
    details:
      "update leaves them, also under another catalogue; -f installs the same version again. A held tool that is damaged is replaced by another version only where no source has its own. gc keeps held tools; remove removes them and ends the hold.",
    options: ["prefix", ...output],
    completes: "tool",
  },
  {
    verb: "unhold",
    operands: "NAME...",
    summary: "let held tools change again",
    options: ["prefix", ...output],
    completes: "tool",
  },
  {
    verb: "rollback",
    operands: "[NAME...]",
    summary: "go back to the previous version, of the named tools or of all",
    details:
      "What an update replaced is kept until gc. Every file of the previous trees is read first; all NAMEs are rolled back or none. The replaced version is then the previous one, so a second rollback goes forward again. update installs the newer version again, unless the tool is held.",
    options: ["prefix", "dry-run", ...output],
    completes: "tool",
  },
  {
    verb: "remove",
    operands: "NAME...",
    summary: "remove tools from the volume",
    details:
      "A tool that another one needs is removed only together with that one. A tool that a skill requires is installed again by the next run.",
    options: ["prefix", "platform", "dry-run", "no-notify", ...output],
    completes: "tool",
  },
  {
    verb: "gc",
    summary: "remove tools that nothing requires, and replaced versions",
    details:
      "A tool is kept if a skill in view or one of the last run requires it, because containers with other skills may share the volume. It prints what it frees.",
    options: [...skills, "dry-run", "no-notify", ...output],
  },
  {
    verb: "bundle",
    sub: "export",
    operands: "FILE",
    summary: "pack the volume into one .tar.gz or .tar.zst",
    options: ["prefix", "dry-run", ...output],
    completes: "file",
  },
  {
    verb: "bundle",
    sub: "import",
    operands: "FILE",
    summary: "install from such a file, without network",
    details:
      "Tools that are missing, damaged or older here are installed; -f installs all. Every file is checked against the digests in the bundle. They detect damage, but do not prove who made the bundle: pass --sha256 with the digest that export printed.",
    options: [
      "prefix",
      "sha256",
      "force-reinstall",
      "platform",
      "dry-run",
      "strict",
      "no-notify",
      ...output,
    ],
    completes: "file",
  },
  {
    verb: "doctor",
    summary: "show what is missing (and why) or damaged, and the last run's result",
    details: "Exits with 4 while something required is missing or damaged.",
    options: ["deep", "repair", ...skills, ...sources, ...network, "no-notify", ...output],
  },
  {
    verb: "config",
    operands: "[TOPOLOGY]",
    summary: "print openclaw.json, compose and Dockerfile lines that fit this host",
    details:
      "stock (default): OpenClaw's own images; a one-shot service of npx fills the volume. sandbox: each sandbox installs for itself. gateway: the gateway fills the volume when it starts. provisioner: a one-shot service fills it, from an image of Dockerfile.example. seed: the image contains the programs and fills the volume. image: the image contains the programs; there is no volume. plugin: only the lines that load the volume's OpenClaw plugin, with which a gateway installs what is missing while it runs. policy: the lines that make OpenClaw ask this command before it installs a skill.",
    options: ["prefix", "image", "package", "allow-libraries", "strict", ...catalogue, "json"],
    completes: [...Object.keys(topologies), "plugin", "policy"],
  },
  {
    verb: "recipe",
    sub: "list",
    summary: "show the catalogue",
    options: ["prefix", ...catalogue, "json"],
  },
  {
    verb: "recipe",
    sub: "check",
    operands: "FILE...",
    summary: "show every problem in recipe files, with its line",
    options: ["recipes", "fetch", "offline", "mirror", "json"],
    completes: "file",
  },
  {
    verb: "recipe",
    sub: "new",
    operands: "SOURCE...",
    summary: "write a recipe (for authors)",
    details:
      "SOURCE is a release's URL (the one for the other architecture is found), npm:NAME, pypi:NAME, deb:NAME (or deb:NAME/RELEASE of another Debian release) or go:MODULE; add @VERSION if it should not be the newest. TOOL@VERSION copies a recipe of the catalogue and computes its digests from what is downloaded at that version.",
    options: ["name", "bin", "force", "recipes", "mirror", "verbose"],
  },
  {
    verb: "recipe",
    sub: "pin",
    operands: "FILE...",
    summary: "update digests, sizes and npm locks after a change of version or URL (for authors)",
    options: ["recipes", "mirror", "verbose"],
    completes: "file",
  },
  {
    verb: "recipe",
    sub: "lock",
    operands: "FILE...",
    summary:
      "write the locks of Debian and Python tools, print checksums of Go modules (for authors)",
    options: ["recipes", "mirror", "verbose"],
    completes: "file",
  },
  {
    verb: "recipe",
    sub: "outdated",
    operands: "[NAME...]",
    summary: "show which recipes have newer versions at their own origins (for authors)",
    details:
      "Asks npm, the Python index, Debian's signed index, the Go proxy, and git for the tags of a repository. Reads the first directory of --recipes, else recipes/. A recipe's `hold` is a semver range that is not followed. Exits with 5 if an origin could not be asked.",
    options: ["recipes", "mirror", "verbose", "json"],
  },
  {
    verb: "recipe",
    sub: "bump",
    operands: "[NAME...]",
    summary: "move recipes to the newest version, verified and installed first (for authors)",
    details:
      "Computes digests and locks from what is served now, fetches every pinned file of both platforms, installs it here and runs its smoke test; only then the recipe is written. With --prefix it is installed in that volume, which may have what it needs. Exits with 2 if a recipe that is behind stays, with 5 if an origin could not be asked.",
    options: ["prefix", "recipes", "mirror", "jobs", "verbose", "json"],
  },
  {
    verb: "recipe",
    sub: "compile",
    operands: "DIR FILE",
    summary: "pack recipes into the single file that a run reads",
    details:
      "Prints the file's digest. With --catalogue, its recipes follow those of DIR: a catalogue for --catalogue of your own hosts.",
    options: ["catalogue", "catalogue-key", "offline", "mirror", "verbose"],
    completes: "file",
  },
  {
    verb: "completion",
    operands: "SHELL",
    summary: "print a completion script for bash, zsh or fish",
    details: `bash, in ~/.bashrc: eval "$(${program} completion bash)". zsh: write it to a file called _${program} in a directory of $fpath. fish: write it to ~/.config/fish/completions/${program}.fish.`,
    options: [],
    completes: ["bash", "zsh", "fish"],
  },
  {
    verb: "help",
    operands: "[COMMAND]",
    summary: "show help for one command or for all",
    options: [],
    completes: verbs,
  },
  { verb: "version", summary: "print the version", options: [] },
];

/** `bundle export FILE`. */
export function commandWords({ verb, sub, operands }: Command): string {
  return [verb, sub, operands].filter((word) => word !== undefined).join(" ");
}

/** The meaning of each exit status, by number. */
export const exitStatuses: readonly string[] = [
  "done",
  "a bug in this program",
  "usage, configuration, recipe or volume is wrong",
  "a requirement is unmet, with --strict",
  "integrity: a download does not match its recipe; doctor: something is missing or damaged",
  "temporary failure (network, disk, permission, processes, memory), or the output could not be written; try again",
];
