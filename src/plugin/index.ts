/** OpenClaw's plugin: the module that a gateway loads. See plugin.ts. */
import process from "node:process";
import { createPlugin } from "./plugin.ts";

export default createPlugin(process);
