import type { Command } from '../config/app.ts';
import type { Milliseconds } from '../evidence/units.ts';
import type { Account } from './accounts.ts';

/** A command on a host, as data. Secrets go into files or `environment`, never into `argv`. */
export type HostCommand = {
  readonly argv: Command;
  readonly directory?: string;
  /** Added to a small clean environment (PATH, HOME, LANG); the caller's own environment is not inherited. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Name of the user to run as; absent: the one that Holdpoint runs as. */
  readonly user?: string;
  readonly input?: string | Uint8Array;
  readonly timeLimit: Milliseconds;
  /** Called with each line of output as it comes. */
  readonly onLine?: (line: string) => void;
};

/** How a command ended. Output is cut to its last 256 KiB. */
export type CommandEnd =
  | {
      readonly kind: 'exited';
      readonly code: number;
      readonly stdout: string;
      readonly stderr: string;
      readonly took: Milliseconds;
    }
  | { readonly kind: 'timed-out'; readonly stdout: string; readonly stderr: string; readonly took: Milliseconds }
  /** `lost`: the line to the host dropped and did not come back in time; whether the command ended is not known. */
  | { readonly kind: 'not-started' | 'lost'; readonly reason: string }
  | { readonly kind: 'cancelled'; readonly stdout: string; readonly stderr: string; readonly took: Milliseconds };

export type PlacedFile = {
  readonly path: string;
  readonly content: string | Uint8Array;
  /** `0o600` for a secret. */
  readonly mode: number;
  /** Owner by user name; absent: the one that Holdpoint runs as. */
  readonly owner?: string;
};

/** Of a TCP server. */
export type Address = { readonly host: string; readonly port: number };

/** The process that listens on a port, as far as this user may see it. */
export type PortHolder = { readonly pid: number; readonly program: string } | undefined;

export type PortState = { readonly kind: 'free' } | { readonly kind: 'taken'; readonly by: PortHolder };

/** A package of Debian or Ubuntu, and the program for which it is wanted; a library has none. */
export type PackageNeed = { readonly package: string; readonly program?: string };

/** A machine that Holdpoint may act on. */
export interface Host {
  readonly kind: 'local' | 'ssh';
  readonly name: string;
  /** Runs a command to its end. Never rejects for what the command did; that is in the value. */
  run(command: HostCommand, signal?: AbortSignal): Promise<CommandEnd>;
  /** Writes files whole or not at all (temporary name, then rename). */
  place(files: readonly PlacedFile[]): Promise<void>;
  read(path: string): Promise<Uint8Array | undefined>;
  /** Makes the folder and its parents; existing ones are given mode and owner. */
  folder(path: string, settings: { readonly mode: number; readonly owner?: string }): Promise<void>;
  remove(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Is a TCP port of the host's 127.0.0.1 free? */
  portState(port: number): Promise<PortState>;
  /** Bytes that a user may still write to the disk of a folder. */
  freeBytes(path: string): Promise<number>;
  /** Where an address as the host sees it is reached from this machine: itself, or the near end of a tunnel. */
  reach(address: Address): Promise<Address>;
  /** A user of the host, or the one that acts there where no name is given. Undefined where there is none. */
  account(name: string): Promise<Account | undefined>;
  account(): Promise<Account>;
  /** Which programs of parts are installed, by upstream's name, with their absolute paths. */
  programs(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /**
   * What a person who waits for something on this host may want to know meanwhile, one line each; nothing of what was
   * asked for. Until the returned function is called.
   */
  onNotice(hear: (notice: string) => void): () => void;
  /** Lets go of the line to the host; harmless where there is none. */
  close(): Promise<void>;
}
