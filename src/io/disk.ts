/**
 * Node's file functions under their own names, with errors that name the action and the path
 * (`fileError`). All rooms access the disk through this file and ./files.ts, except the rest of io
 * and the unpackers, which count every call.
 */
import * as fs from "node:fs";
import * as promises from "node:fs/promises";
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

export const access = said("use", promises.access);
export const lstat = said("stat", promises.lstat);
export const mkdir = said("create", promises.mkdir);
export const open = said("open", promises.open);
export const readdir = said("read", promises.readdir);
export const readFile = said("read", promises.readFile);
export const realpath = said("stat", promises.realpath);
export const rename = said("move", promises.rename);
export const rm = said("remove", promises.rm);
export const stat = said("stat", promises.stat);
export const writeFile = said("write", promises.writeFile);

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
