import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Recorder } from '../../../config/app.ts';
import { appFromText } from '../../../config/read.ts';
import { readBack, startRecorder } from '../../../probes/recorder.ts';
import { writesAndReads } from './writes-and-reads.ts';

/** Answers only who names himself in a header, as the backend of a mobile app does; everybody else gets a 403. */
let server: Server;
let baseUrl: string;
beforeEach(async () => {
  const notes = new Set<string>();
  server = createServer((request, response) => {
    if (request.headers['x-app'] !== 'field-notes') return void response.writeHead(403).end();
    const trace = request.headers['x-trace'];
    if (request.method === 'POST') {
      if (typeof trace === 'string') notes.add(trace);
      return void response.writeHead(201).end();
    }
    const key = request.url?.split('/')[2] ?? '';
    response.writeHead(notes.has(key) && trace === `read-${key}` ? 200 : 404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

function recorderIn(read: string): Recorder {
  const write = `{ path: /notes, headers: { X-App: field-notes, X-Trace: '{key}' }, body: '{}' }`;
  const text = `name: notes\nservices: { web: node server.js }\nrecorder: { write: ${write}, read: ${read} }\n`;
  const reading = appFromText(text, 'holdpoint.yaml', '/app');
  if (reading.kind !== 'app' || reading.app.recorder === undefined) throw new Error(JSON.stringify(reading));
  return reading.app.recorder;
}

async function writtenAndRead(read: string) {
  const target = writesAndReads(recorderIn(read));
  const recorder = startRecorder({ baseUrl, target, ratePerSecond: 100, timeoutMs: 10_000 });
  while (recorder.ended().length < 20) await new Promise((resolve) => setTimeout(resolve, 5));
  const recording = await recorder.stop();
  const steadyState = async () => ({ kind: 'returned' }) as const;
  return readBack(recording, { baseUrl, target, timeoutMs: 10_000, steadyState });
}

describe('a write that is read back as holdpoint.yaml says', () => {
  it('is found by an app that asks for headers, where they are given', async () => {
    const reading = await writtenAndRead(
      `{ path: '/notes/{key}', headers: { X-App: field-notes, X-Trace: 'read-{key}' } }`,
    );
    if (reading.kind === 'cannot tell') throw new Error(reading.reason);
    const { acknowledged, read, lost, cannotTell } = reading.accounting;
    expect({ read, lost, cannotTell }).toEqual({ read: acknowledged, lost: [], cannotTell: [] });
  });

  it('is not known to be there or lost, where the app refuses to be read without them', async () => {
    expect(await writtenAndRead(`{ path: '/notes/{key}' }`)).toEqual({
      kind: 'cannot tell',
      reason: 'the read of an identity that was never written is not answered as absent',
    });
  });
});
