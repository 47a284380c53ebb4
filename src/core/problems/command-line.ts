import type { Problem } from "./problem.ts";

/** Problems of the command line, and of the settings and directories that it names. */
export const commandLineProblems = {
  E_USAGE: {
    kind: "usage",
    cause: "The command or one of its options does not exist or does not accept this value.",
    remedy: "Run openclaw-install-skill-deps help, or help COMMAND.",
  },
  E_INPUT: {
    kind: "config",
    cause: "A named file does not exist, is not the right kind of file, or cannot be read.",
    remedy: "Check its name and its permissions.",
  },
  E_UNKNOWN_NAME: {
    kind: "usage",
    cause: "No recipe, no skill and no installed tool has this name.",
    remedy:
      "Check the names with openclaw-install-skill-deps recipe list, requirements and list, or write a recipe.",
  },
  E_STILL_NEEDED: {
    kind: "usage",
    cause: "Other installed tools need the tool to remove.",
    remedy: "Remove them too, or keep it.",
  },
  E_STILL_REQUESTED: {
    kind: "warning",
    cause: "The removed tool is still requested by a skill, a variable or the seed.",
    remedy: "Disable the skill or remove the name; otherwise the next run installs the tool again.",
  },
  E_REQUESTS: {
    kind: "warning",
    cause:
      "The directory of agents' requests cannot be read or holds too many, or an answer cannot be written.",
    remedy: "Name a directory that agents and this user can write to, and empty it.",
  },
  E_REQUEST_REFUSED: {
    kind: "warning",
    cause: "An agent's request is not granted.",
    remedy: "If the agent shall have the tool, name it: openclaw-install-skill-deps NAME.",
  },
  E_REQUEST_LIMIT: {
    kind: "warning",
    cause: "Agents have asked for too much.",
    remedy: "If the agent shall have the tool, name it: openclaw-install-skill-deps NAME.",
  },
  E_HELD: {
    kind: "warning",
    cause: "The tool is held at its version, so the newer one is not installed.",
    remedy: "To let it change: openclaw-install-skill-deps unhold NAME.",
  },
  E_NO_PREVIOUS: {
    kind: "usage",
    cause:
      "The tool was not replaced by another version here, or gc has removed its previous tree.",
    remedy:
      "Write a recipe of the wanted version: openclaw-install-skill-deps recipe new NAME@VERSION.",
  },
  E_ROLLBACK: {
    kind: "usage",
    cause: "A previous tree does not go with the other tools that are installed now.",
    remedy: "Roll back or update the tools that the message names with it.",
  },
  E_SETTING: {
    kind: "config",
    cause: "An environment variable or a setting of npm, pip, apt or go has an invalid value.",
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
    cause: "openclaw.json, or a file that it includes, is invalid or cannot be read.",
    remedy: "Correct the line that the message names; OpenClaw reports the same error.",
  },
  E_SKILLS_DIRECTORY: {
    kind: "config",
    cause: "A named skills directory cannot be read, is not a directory, or has no skills.",
    remedy: "Name the directory that holds the skills' directories: DIR/NAME/SKILL.md.",
  },
  E_NO_SKILLS: {
    kind: "warning",
    cause: "There are no skills in the directories that OpenClaw searches.",
    remedy: "Give the directory with --skills-dir DIR, or name the programs to install.",
  },
  E_SKILL: {
    kind: "warning",
    cause: "A SKILL.md, or a part of it, is invalid.",
    remedy: "Correct the SKILL.md at the place that the message names.",
  },
  E_STATUS_SKILL: {
    kind: "warning",
    cause:
      "The status skill was not written, so running sessions of OpenClaw do not notice what has changed.",
    remedy:
      "Let this user write to the skills directory of OpenClaw's state, restart the gateway after changes, or use --no-notify.",
  },
  E_RECIPES_DIRECTORY: {
    kind: "config",
    cause: "A recipe directory cannot be read.",
    remedy: "Set --recipes or OPENCLAW_SKILL_RECIPES to a readable directory of NAME.yaml files.",
  },
  E_SEED: {
    kind: "config",
    cause: "The seed has no manifest, or is for another platform.",
    remedy: "Install into --prefix DIR on this platform, and copy that directory into the image.",
  },
  E_SANDBOX_MOUNT: {
    kind: "config",
    cause: "OpenClaw refuses to mount this directory into a sandbox.",
    remedy: "Choose another directory for the volume with --prefix.",
  },
  E_OUTPUT: {
    kind: "disk",
    cause: "The output could not be written.",
    remedy: "Check where the standard output goes: its disk may be full.",
  },
  E_PLATFORM: {
    kind: "volume",
    cause: "This is not Linux on x64 or arm64.",
    remedy: "Run it in the container (linux-x64 or linux-arm64).",
  },
  E_NO_NODE: {
    kind: "unmet",
    cause: "Installing needs Node 22 or newer, and none can be started here.",
    remedy:
      "Fill the volume from a container that has Node, or set OPENCLAW_SKILL_DEPS_NODE to a Node binary.",
  },
  E_CODE_CACHE: {
    kind: "config",
    cause: "The code cache of an image build was not written, or nothing was installed for it.",
    remedy: "Fix the error that the run printed, or build without a network.",
  },
  E_NODE_TOO_OLD: {
    kind: "unmet",
    cause: "This version of Node does not support zstd.",
    remedy: "Use Node 22.15 or newer.",
  },
} as const satisfies Record<string, Problem>;
