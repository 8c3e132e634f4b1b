import { createHash } from 'node:crypto';
import { fail } from '../../evidence/problem.ts';
import type { HostCommand, PlacedFile } from '../../hosts/host.ts';
import { localHost } from '../../hosts/local.ts';
import type { Target } from '../../hosts/ssh/wire.ts';
import { placeFacts } from '../process/place.ts';
import { type OpenedProcessRuntime, openProcessRuntime } from '../process/runtime.ts';
import type { Job } from '../unit.ts';
import { HOST_METHODS, RUNTIME_METHODS } from './methods.ts';
import { Trees } from './trees.ts';

/** A call as the agent got it. `input` is what the method takes, in order. */
export type Asked = {
  readonly target: Target;
  readonly method: string;
  readonly input: readonly unknown[];
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
};

/**
 * Carries out what the caller asks for, on the machine that the agent runs on. The caller has the very same code (the
 * agent's file is named by its digest), so what it sends has the types that the method declares.
 *
 * @param root everything of Holdpoint on this machine lies below it
 */
export function carriesOut(root: string): (asked: Asked) => Promise<unknown> {
  const host = localHost();
  const trees = new Trees(root);
  const runtimes = new Map<string, Promise<OpenedProcessRuntime>>();

  const open = (folder: string, environment: string): Promise<OpenedProcessRuntime> => {
    const opened = host
      .folder(trees.folder, { mode: 0o755 })
      .then(() => openProcessRuntime({ host, environment, folder, trees: trees.folder }));
    runtimes.set(folder, opened);
    opened.catch(() => runtimes.delete(folder));
    return opened;
  };

  const onHost = async ({ method, input, signal, onLine }: Asked): Promise<unknown> => {
    if (method === 'run') return host.run({ ...(input[0] as HostCommand), onLine }, signal);
    if (method === 'place') return place(input[0] as readonly DescribedFile[]);
    const known = HOST_METHODS.find((name) => name === method);
    return known === undefined ? unknownMethod(method) : invoke(host[known], host, input);
  };

  const onRuntime = async (asked: Asked, folder: string, environment: string): Promise<unknown> => {
    const { method, input, signal } = asked;
    if (method === 'open') {
      const runtime = await open(folder, environment);
      return { folder: runtime.folder, abilities: runtime.abilities, facts: placeFacts(runtime.folder, trees.folder) };
    }
    const runtime = await (runtimes.get(folder) ?? open(folder, environment));
    if (method === 'claim') return trees.claim(folder, String(input[0]));
    if (method === 'destroy') return destroy(runtime);
    if (method === 'job') return runtime.job(input[0] as Job, signal, 'when heard');
    const known = RUNTIME_METHODS.find((name) => name === method);
    return known === undefined ? unknownMethod(method) : invoke(runtime[known], runtime, input);
  };

  /**
   * Its trees were sent for it: they go with it, where nobody else uses them. That they stay, or that a damaged record does
   * not tell which they were, is no failure of it.
   */
  const destroy = async (runtime: OpenedProcessRuntime): Promise<void> => {
    const own = await trees.of(runtime.folder).catch(() => new Set<string>());
    await runtime.destroy();
    await trees.removeUnused(own).catch(() => undefined);
  };

  /** Places what came with its content or is there already; returns which of the files are to be sent in full. */
  const place = async (files: readonly DescribedFile[]): Promise<readonly number[]> => {
    const absent: number[] = [];
    for (const [index, { digest, ...file }] of files.entries()) {
      const content = file.content ?? (await sameAsHere(file.path, digest));
      if (content === undefined) absent.push(index);
      else await host.place([{ ...file, content }]);
    }
    return absent;
  };

  const sameAsHere = async (path: string, digest: string): Promise<Uint8Array | undefined> => {
    const content = await host.read(path);
    if (content === undefined) return undefined;
    return createHash('sha256').update(content).digest('hex') === digest ? content : undefined;
  };

  return (asked) => {
    const { target } = asked;
    return target.of === 'host' ? onHost(asked) : onRuntime(asked, target.folder, target.environment);
  };
}

type DescribedFile = Omit<PlacedFile, 'content'> & { readonly digest: string; readonly content?: Uint8Array };

const invoke = (method: (...input: never[]) => Promise<unknown>, of: object, input: readonly unknown[]) =>
  Reflect.apply(method, of, input);

const unknownMethod = (method: string): never =>
  fail({ kind: 'internal', what: `the agent knows no method \`${method}\``, next: 'launch again' });
