import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { portProblem, portState } from './ports.ts';

it('names the process that holds a port, and finds the port free once it is', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const state = await portState(address.port);
  if (state.kind !== 'taken') throw new Error('it is taken');
  expect(state).toMatchObject({ by: { pid: process.pid } });
  const problem = portProblem(address.port, state.by);
  expect(problem).toMatchObject({ kind: 'host', what: expect.stringContaining(`(pid ${process.pid})`) });
  server.close();
  await once(server, 'close');
  expect(await portState(address.port)).toEqual({ kind: 'free' });
});
