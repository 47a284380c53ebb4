"use strict";
/*
 * Lets the scripts of an OpenClaw skill import the packages that their skill declares: Node loads this file at each
 * start if NODE_OPTIONS has `--require` with its path in the volume. Any Node must be able to read it.
 */
const [major] = process.versions.node.split(".");
if (Number(major) >= 22) require("./packages.cjs"); // older ones have no hooks for `require`
