/**
 * Node's file functions under their own names, with errors that name the action and the path
 * (`fileError`). All rooms access the disk through this file and ./files.ts, except the rest of io
 * and the unpackers, which count every call.
 */
import * as fs from "node:fs";
import { fileError } from "./file-error.ts";

type OnPath = (path: never, ...rest: never[]) => unknown;

function said<F extends OnPath>(action: string, call: F): F {
  return ((path: never, ...rest: never[]) => {
    const fail = (cause: unknown): never => {
      throw fileError(action, String(path), cause);
    };
    try {
      const result = call(path, ...rest);
      return result instanceof Promise ? result.catch(fail) : result;
    } catch (cause) {
      return fail(cause);
    }
  }) as F;
}

/** One of Node's functions with promises, which take milliseconds to load and which few runs need. */
function late<
  K extends
    | "access"
    | "lstat"
    | "mkdir"
    | "open"
    | "readdir"
    | "readFile"
    | "realpath"
    | "rename"
    | "rm"
    | "stat"
    | "writeFile",
>(name: K): (typeof fs.promises)[K] {
  return ((...args: never[]) =>
    (fs.promises[name] as (...args: never[]) => unknown)(...args)) as never;
}

export const access = said("use", late("access"));
export const lstat = said("stat", late("lstat"));
export const mkdir = said("create", late("mkdir"));
export const open = said("open", late("open"));
export const readdir = said("read", late("readdir"));
export const readFile = said("read", late("readFile"));
export const realpath = said("stat", late("realpath"));
export const rename = said("move", late("rename"));
export const rm = said("remove", late("rm"));
export const stat = said("stat", late("stat"));
export const writeFile = said("write", late("writeFile"));

export const lstatSync = said("stat", fs.lstatSync);
export const mkdirSync = said("create", fs.mkdirSync);
export const readdirSync = said("read", fs.readdirSync);
export const readlinkSync = said("read", fs.readlinkSync);
export const realpathSync = said("stat", fs.realpathSync.native);
export const rmSync = said("remove", fs.rmSync);
export const statSync = said("stat", fs.statSync);

/** Creates a symbolic link. Its own path is the first parameter, because errors name it. */
export const link = said("link", (path: string, target: string) => fs.symlinkSync(target, path));

/** Reads parts of a file while `work` requests them; fewer bytes at its end. */
export function readPieces<T>(
  path: string,
  work: (read: (offset: number, length: number) => Buffer) => T,
): T {
  return said("read", (file: string) => {
    const descriptor = fs.openSync(file, "r");
    try {
      return work((offset, length) => {
        const bytes = Buffer.alloc(length);
        return bytes.subarray(0, fs.readSync(descriptor, bytes, 0, length, offset));
      });
    } finally {
      fs.closeSync(descriptor);
    }
  })(path);
}
