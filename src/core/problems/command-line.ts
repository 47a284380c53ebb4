import type { Problem } from "./problem.ts";

/** Problems of what was typed, and of the settings and directories that it names. */
export const commandLineProblems = {
  E_USAGE: {
    kind: "usage",
    cause: "The command or one of its options does not exist or cannot have this value.",
    remedy: "See openclaw-install-skill-deps help, and help COMMAND.",
  },
  E_INPUT: {
    kind: "config",
    cause:
      "A file that was named does not exist, is not the right kind of file, or cannot be read.",
    remedy: "Check its name and whether this user may read it.",
  },
  E_UNKNOWN_NAME: {
    kind: "usage",
    cause: "No recipe, no skill and no installed tool has this name.",
    remedy:
      "See openclaw-install-skill-deps recipe list, requirements and list, or write a recipe.",
  },
  E_STILL_NEEDED: {
    kind: "usage",
    cause: "Other installed tools need the tool that is to be removed.",
    remedy: "Remove them too, or keep it.",
  },
  E_STILL_REQUESTED: {
    kind: "warning",
    cause: "The removed tool is still requested by a skill, a variable or the seed.",
    remedy: "Deselect the skill or drop the name, or the next run installs the tool again.",
  },
  E_SETTING: {
    kind: "config",
    cause:
      "An environment variable or a setting of npm, pip, apt or go has a value that cannot be used.",
    remedy: "Correct the setting that the message names.",
  },
  E_URL: {
    kind: "config",
    cause: "An address in a recipe, a mirror or a redirect is not an http or https URL.",
    remedy: "Correct the address.",
  },
  E_WORKING_DIRECTORY: {
    kind: "config",
    cause: "The working directory was removed or cannot be read.",
    remedy: "Change to another directory, or write absolute paths.",
  },
  E_PACKAGE_DAMAGED: {
    kind: "config",
    cause: "Files of this package are missing or damaged.",
    remedy: "Install openclaw-install-skill-deps again.",
  },
  E_OPENCLAW_CONFIG: {
    kind: "warning",
    cause: "openclaw.json, or a file that it includes, has a mistake or cannot be read.",
    remedy: "Correct it at the line that the message names; OpenClaw itself reports the same.",
  },
  E_SKILLS_DIRECTORY: {
    kind: "config",
    cause: "A named skills directory cannot be read, is not a directory, or has no skill.",
    remedy: "Name the directory that holds the skills' directories: DIR/NAME/SKILL.md.",
  },
  E_NO_SKILLS: {
    kind: "warning",
    cause: "None of the directories where OpenClaw looks for skills has one.",
    remedy: "Name them with --skills-dir DIR, or name the programs to install.",
  },
  E_SKILL: {
    kind: "warning",
    cause: "A SKILL.md, or something in it, cannot be used.",
    remedy: "Correct the SKILL.md; the message says where.",
  },
  E_RECIPES_DIRECTORY: {
    kind: "config",
    cause: "A named directory of recipes cannot be read.",
    remedy: "Name a directory of NAME.yaml files with --recipes or OPENCLAW_SKILL_RECIPES.",
  },
  E_SEED: {
    kind: "config",
    cause: "The named seed has no manifest, or one that this platform cannot use.",
    remedy: "Fill a volume with --prefix DIR on this platform and copy it into the image.",
  },
  E_SANDBOX_MOUNT: {
    kind: "config",
    cause: "OpenClaw refuses to mount this directory into a sandbox.",
    remedy: "Choose another directory for the volume with --prefix.",
  },
  E_OUTPUT: {
    kind: "disk",
    cause: "The output could not be written.",
    remedy: "See where the standard output leads: its disk may be full.",
  },
  E_PLATFORM: {
    kind: "volume",
    cause: "This is not Linux on x64 or arm64.",
    remedy: "Run it in the container (linux-x64 or linux-arm64).",
  },
  E_NO_NODE: {
    kind: "unmet",
    cause: "There is no Node 22 or newer that can be started, so nothing can be installed.",
    remedy:
      "Let a container that has Node fill the volume, or name a Node with OPENCLAW_SKILL_DEPS_NODE.",
  },
  E_NODE_TOO_OLD: {
    kind: "unmet",
    cause: "This Node cannot read or write zstd.",
    remedy: "Run with Node 22.15 or newer.",
  },
} as const satisfies Record<string, Problem>;
