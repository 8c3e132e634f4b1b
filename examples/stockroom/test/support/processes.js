// Runs the built services and scripts as what they are in production: processes with an environment.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Runs a script to its end.
 * @param {string[]} args
 * @param {Record<string, string>} env
 */
export async function run(args, env) {
  const child = spawn(process.execPath, args, { cwd: ROOT, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

/**
 * Starts a service on a free port and waits until it listens.
 * @param {'dashboard' | 'deposit-agent'} name
 * @param {Record<string, string>} env
 */
export async function startService(name, env) {
  const child = spawn(process.execPath, [`dist/${name}/main.js`], {
    cwd: ROOT,
    env: environment({ PORT: '0', ...env }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  while (!output.includes('"event":"listening"')) {
    if (child.exitCode !== null) throw new Error(`${name} did not start: ${output}`);
    await sleep(20);
  }
  const line = output.split('\n').find((text) => text.includes('"event":"listening"')) ?? '';
  return {
    url: `http://127.0.0.1:${JSON.parse(line).port}`,
    exited,
    output: () => output,
    /** @param {NodeJS.Signals} signal */
    kill: (signal) => child.kill(signal),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      return exited;
    },
  };
}

/** @param {Record<string, string>} env */
function environment(env) {
  const { PATH, NODE_V8_COVERAGE } = process.env;
  return { ...(PATH ? { PATH } : {}), ...(NODE_V8_COVERAGE ? { NODE_V8_COVERAGE } : {}), ...env };
}

/**
 * Asks until the answer is as wanted; fails with the last thing that was seen.
 * @template T
 * @param {() => Promise<T>} look
 * @param {(value: T) => boolean} wanted
 * @param {number} [timeoutMs]
 * @returns {Promise<T>}
 */
export async function until(look, wanted, timeoutMs = 15_000) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await look();
    if (wanted(value)) return value;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(value)} after ${timeoutMs} ms`);
    await sleep(25);
  }
}

/**
 * A JSON request; `key` goes into the Idempotency-Key header.
 * @param {string} url
 * @param {unknown} body
 * @param {string} [key]
 */
export function postJson(url, body, key) {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key ? { 'idempotency-key': key } : {}) },
    body: JSON.stringify(body),
  });
}

/**
 * A GET that sends headers which fetch does not let through, on an agent of the caller's.
 * @param {string} url
 * @param {import('node:http').RequestOptions} options
 * @returns {Promise<{ status: number | undefined, headers: import('node:http').IncomingHttpHeaders, body: string }>}
 */
export function rawRequest(url, options = {}) {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, options, (incoming) => {
      let body = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk) => (body += chunk));
      incoming.on('end', () => resolve({ status: incoming.statusCode, headers: incoming.headers, body }));
      incoming.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
